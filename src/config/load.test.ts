import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadFile } from "./load.ts";
import { settingNames } from "./validate.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ringway-load-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function load(name: string, text: string): Promise<Record<string, unknown>> {
  const path = join(folder, name);
  await Bun.write(path, text);
  const given = await loadFile(path);
  return Object.fromEntries(Object.entries(given).map(([key, { value }]) => [key, value]));
}

/** What is said of a file, without the folder that it is in. */
async function complaint(name: string, text: string): Promise<string> {
  try {
    await load(name, text);
  } catch (error) {
    if (error instanceof Error && error.name === "ConfigError") {
      return error.message.replaceAll(`${folder}/`, "");
    }
    throw error;
  }
  return "none";
}

const expected = { listen: [":1", ":2"], segmentCount: 32, connectTimeout: "5s", verbose: true };

test.each([
  ["a.toml", 'listen = [":1", ":2"]\nsegmentCount = 32\nconnectTimeout = "5s"\nverbose = true\n'],
  ["a.yaml", 'listen: [":1", ":2"]\nsegmentCount: 32\nconnectTimeout: 5s\nverbose: true\n'],
  ["a.YML", 'listen:\n  - ":1"\n  - ":2"\nsegmentCount: 32\nconnectTimeout: 5s\nverbose: true\n'],
  ["a.json", JSON.stringify(expected)],
  ["a.ts", `interface Given { listen: string[] }\nexport default ${JSON.stringify(expected)};\n`],
  ["a.mjs", `export default ${JSON.stringify(expected)};\n`],
  ["a.cjs", `module.exports = ${JSON.stringify(expected)};\n`],
  ["a b%20c.ts", `export default ${JSON.stringify(expected)};\n`],
])("%s", async (name, text) => {
  expect(await load(name, text)).toEqual(expected);
});

test("the label names the file as it was given and the key", async () => {
  await Bun.write(join(folder, "label.toml"), 'mode = "sink"');
  expect(await loadFile(join(folder, "label.toml"))).toEqual({
    mode: { value: "sink", label: `${folder}/label.toml: mode` },
  });
});

test.each([
  ["u.toml", 'mode = "sink"\n[uring]\nreceive = "single"\nfixedFiles = true\n'],
  ["u.yaml", "mode: sink\nuring:\n  receive: single\n  fixedFiles: true\n"],
  ["u.json", '{"mode":"sink","uring":{"receive":"single","fixedFiles":true}}'],
  ["u.ts", 'export default { mode: "sink", uring: { receive: "single", fixedFiles: true } };'],
])("the group of io_uring in %s", async (name, text) => {
  expect(await load(name, text)).toEqual({
    mode: "sink",
    "uring.receive": "single",
    "uring.fixedFiles": true,
  });
  const given = await loadFile(join(folder, name));
  expect(given["uring.receive"]?.label).toBe(`${folder}/${name}: uring.receive`);
});

test("an empty file sets nothing", async () => {
  expect(await load("empty.toml", "")).toEqual({});
  expect(await load("empty.yaml", "# nothing\n")).toEqual({});
  expect(await load("empty.json", " \n")).toEqual({});
  expect(await load("undefined.ts", "export default { mode: undefined };")).toEqual({});
});

test.each([
  [
    "bad.toml",
    "a = 1\nb == 2\n",
    "bad.toml: not valid TOML: Expected a value but found '=' (line 2)",
  ],
  ["bad.yaml", "a: 1\nb: [\n", "bad.yaml: not valid YAML: Unexpected token (line 2)"],
  ["bad.json", '{"a":}', "bad.json: not valid JSON: Unexpected token '}'"],
  ["bad.ts", "export default {\n a: ", "bad.ts: Unexpected end of file (line 2)"],
  ["throws.ts", 'throw new Error("no\\nway")', "throws.ts: no"],
  ["nothing.ts", "export const a = 1;", "nothing.ts: has no default export"],
  ["list.json", "[1]", "list.json: expected keys with values, not a list"],
  ["text.yaml", "hello", 'text.yaml: expected keys with values, not "hello"'],
  ["number.ts", "export default 7", "number.ts: expected keys with values, not 7"],
  ["key.toml", "listn = 1", 'key.toml: unknown key "listn"; did you mean listen?'],
  [
    "kebab.toml",
    'connect-timeout = "1s"',
    'kebab.toml: unknown key "connect-timeout"; did you mean connectTimeout?',
  ],
  [
    "table.toml",
    "[[proxies]]\na = 1",
    'table.toml: unknown key "proxies"; expected one of listen, upstream, mode, engine, workers, ' +
      "connectTimeout, halfCloseTimeout, drainTimeout, segmentSize, segmentCount, stats, verbose, uring",
  ],
  ["group.toml", "uring = true", "group.toml: uring true: expected keys with values"],
  [
    "group.yaml",
    "uring:\n  recieve: single\n",
    'group.yaml: unknown key "uring.recieve"; did you mean uring.receive?',
  ],
  [
    "group.json",
    '{"uring":{"fixed-files":true}}',
    'group.json: unknown key "uring.fixed-files"; did you mean uring.fixedFiles?',
  ],
  [
    "flat.toml",
    'uringReceive = "single"',
    `flat.toml: unknown key "uringReceive"; expected one of ${settingNames.join(", ")}, uring`,
  ],
  ["a.ini", "a", "a.ini: expected a file that ends in .toml, .yaml, .yml, .json, .ts or .js"],
  ["noext", "a", "noext: expected a file that ends in .toml, .yaml, .yml, .json, .ts or .js"],
  ["big.toml", "#".repeat(2e6), "big.toml: larger than 1 MiB, so this is not a configuration"],
])("%s is refused", async (name, text, message) => {
  expect(await complaint(name, text)).toBe(message);
});

test("a module that imports what is not there", async () => {
  expect(await complaint("imports.ts", 'import "./gone.ts"; export default {};')).toStartWith(
    "imports.ts: Cannot find module './gone.ts'",
  );
});

test("a file that is not there, and one that is a directory", async () => {
  const gone = join(folder, "gone.toml");
  await expect(loadFile(gone)).rejects.toThrow(`${gone}: cannot be read: there is no such file`);
  await Bun.write(join(folder, "dir.toml", "x"), "");
  const directory = join(folder, "dir.toml");
  await expect(loadFile(directory)).rejects.toThrow(
    `${directory}: cannot be read: it is a directory`,
  );
});
