import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatAddress } from "../../base/address.ts";
import { ConfigError } from "../../base/error.ts";
import { loadFile } from "../../config/load.ts";
import { knownKeys } from "../../config/schema.ts";
import { Problems } from "../../config/sourced.ts";
import { listenerTable } from "../../config/table/table.ts";
import { type Settings, validate } from "../../config/validate.ts";
import { exampleFor } from "./examples.ts";

/** What an example means. @throws ConfigError */
async function settingsOf(text: string, suffix: string): Promise<Settings> {
  const folder = await mkdtemp(join(tmpdir(), "ringway-example-"));
  try {
    const path = join(folder, `ringway${suffix}`);
    await Bun.write(path, text);
    const problems = new Problems();
    const source = await loadFile(path, {}, problems);
    return validate({}, source, problems.sentences);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The example with all its settings in force: they stand right after the sign of a comment. */
function inForce(text: string): string {
  return text.replace(/^( *)(?:#|\/\/)(?! [A-Za-z]|\s*$|\n)/gm, "$1");
}

const suffixes = [".toml", ".yaml", ".yml", ".json", ".ts"];

test.each(suffixes)("the example in %s is right and relays as all of them do", async (suffix) => {
  const { listeners, ...others } = await settingsOf(exampleFor(suffix), suffix);
  const { listeners: _, ...defaults } = validate({});
  expect(others).toEqual(defaults);
  expect(listeners).toMatchObject([{ name: "redis", connectTimeoutMs: 5_000 }]);
  expect(listeners.map(({ address }) => formatAddress(address))).toEqual(["127.0.0.1:6380"]);
  const upstreams = listeners.flatMap((one) =>
    one.upstreams.map(({ address }) => formatAddress(address)),
  );
  expect(upstreams).toEqual(["127.0.0.1:6379"]);
});

describe.each(suffixes.filter((suffix) => suffix !== ".json"))("the comments in %s", (suffix) => {
  const all = inForce(exampleFor(suffix));

  test("have the defaults, and a second listener", async () => {
    const { listeners, ...others } = await settingsOf(all, suffix);
    const { listeners: _, ...defaults } = validate({});
    expect(others).toEqual(defaults);
    expect(listeners.map(({ name }) => name)).toEqual([
      "redis",
      "postgres",
      "postgres",
      "sessions",
      "cache",
      "web",
      "mail",
    ]);
    expect(listeners[2]).toMatchObject({ connectTimeoutMs: 2_000, halfCloseTimeoutMs: 60_000 });
  });

  test("have every key", () => {
    const keys = [
      ...knownKeys.top,
      ...knownKeys.listener,
      ...knownKeys.upstream,
      ...knownKeys.uring,
    ];
    // A function is for TypeScript alone.
    const texts = keys.filter(
      (key) => suffix === ".ts" || !(key.startsWith("route") && key in listenerTable),
    );
    // These two are for a file without a list of listeners.
    for (const key of texts.filter((key) => key !== "upstream")) {
      expect(all).toMatch(new RegExp(`\\b${key}\\b(?: =|:|\\]| \\{)`));
    }
  });

  test("fit a terminal", () => {
    expect(
      exampleFor(suffix)
        .split("\n")
        .filter((line) => line.length > 80),
    ).toEqual([]);
  });
});

test("there is none in other languages", () => {
  expect(() => exampleFor(".ini")).toThrow(ConfigError);
  expect(() => exampleFor("")).toThrow(
    "expected a name that ends in .toml, .yaml, .yml, .json or .ts",
  );
  expect(() => exampleFor("constructor")).toThrow(ConfigError);
});
