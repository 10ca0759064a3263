import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError, printable } from "../base/error.ts";
import { readRegularFile } from "../system/regular-file.ts";
import { defineConfig } from "./config.ts";
import { readDocument } from "./document.ts";
import type { Environment } from "./environment.ts";
import { parseJson } from "./json.ts";
import { moduleFailure, parserFailure, placeIn } from "./parser-failure.ts";
import { type Source, unread } from "./settings.ts";
import type { Problems } from "./sourced.ts";
import { type PlacedKind, placeInText } from "./text-place.ts";
import { CrowdedError, parseToml } from "./toml.ts";

/** Most bytes that a configuration may have: beyond this it is some other file. */
const FILE_BYTES_MAX = 1024 * 1024;

/** How a text is read. */
interface Parser {
  readonly parse: (text: string) => unknown;
  /** Null where nothing says where it has stopped. */
  readonly placed: PlacedKind | null;
}

const yaml: Parser = { parse: Bun.YAML.parse, placed: "yaml" };
const parsers: Readonly<Record<string, Parser>> = {
  ".toml": { parse: parseToml, placed: "toml" },
  ".yaml": yaml,
  ".yml": yaml,
  ".json": { parse: parseJson, placed: null },
};

const modules: readonly string[] = [".ts", ".mts", ".js", ".mjs", ".cjs"];

/**
 * Reads a configuration file: TOML, YAML and JSON, in whose texts environment variables are filled
 * in, or a TypeScript or JavaScript module whose default export is the configuration.
 *
 * @param path as the person wrote it, which is also how messages name it
 * @param problems told of everything that is wrong; contradictions are not looked for yet
 */
export async function loadFile(
  path: string,
  environment: Environment,
  problems: Problems,
): Promise<Source> {
  const name = printable(path);
  const isModule = modules.includes(kindOf(path));
  try {
    const content = await read(path, name);
    return readDocument(content, name, isModule ? null : environment, problems);
  } catch (error) {
    // A module may do anything, also while it is looked at.
    if (!(error instanceof ConfigError) && !isModule) throw error;
    const why = error instanceof ConfigError ? error.problems : [`${name}: ${told(error)}`];
    for (const one of why) problems.say(() => one);
    if (error instanceof CrowdedError) problems.more(error.more);
    return unread;
  }
}

function kindOf(path: string): string {
  return extname(path).toLowerCase();
}

async function read(path: string, name: string): Promise<unknown> {
  const kind = kindOf(path);
  const parser = parsers[kind];
  if (parser === undefined && !modules.includes(kind)) {
    throw new ConfigError(
      `${name}: expected a file that ends in .toml, .yaml, .yml, .json, .ts or .js`,
    );
  }
  const text = readText(path, name);
  if (parser === undefined) return await importModule(path, name);
  try {
    // An empty YAML document is null, and an empty file of any kind sets nothing.
    return text.trim() === "" ? {} : (parser.parse(text) ?? {});
  } catch (error) {
    // Parsers call themselves, and this is how they say that they cannot any more.
    if (error instanceof ConfigError) {
      const named = error.problems.map((one) => `${name}: ${one}`);
      throw error instanceof CrowdedError
        ? new CrowdedError(named, error.more)
        : new ConfigError(named);
    }
    if (error instanceof RangeError) {
      throw new ConfigError(`${name}: goes too deep for a configuration`);
    }
    const place = parser.placed === null ? "" : await placeInText(parser.placed, text);
    throw new ConfigError(`${name}: ${parserFailure(error)}${place}`);
  }
}

function readText(path: string, name: string): string {
  const limits = { bytesMax: FILE_BYTES_MAX, kind: "a configuration" };
  return new TextDecoder().decode(readRegularFile(path, name, limits));
}

async function importModule(path: string, name: string): Promise<unknown> {
  provideRingway();
  const place = resolve(path);
  // At a reload it must not be remembered from the time before. What it imports is.
  delete require.cache[place];
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(pathToFileURL(place).href);
  } catch (error) {
    throw new ConfigError(`${name}: ${told(error)}`);
  }
  if (loaded.default === undefined) throw new ConfigError(`${name}: has no default export`);
  return loaded.default;
}

/**
 * Lets a module import this very ringway wherever it lies, also from the executable, beside which
 * there is none.
 */
function provideRingway(): void {
  Bun.plugin({
    name: "ringway",
    setup: (build) => {
      build.module("ringway", () => ({ exports: { defineConfig }, loader: "object" }));
    },
  });
}

function told(error: unknown): string {
  return `${moduleFailure(error)}${placeIn(error)}`;
}
