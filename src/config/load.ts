import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError, printable } from "../base/error.ts";
import { readRegularFile } from "../system/regular-file.ts";
import { defineConfig } from "./config.ts";
import { readDocument } from "./document.ts";
import type { Environment } from "./environment.ts";
import { parseJson } from "./json.ts";
import { moduleFailure, placeIn } from "./parser-failure.ts";
import { type Source, unread } from "./settings.ts";
import type { Problems } from "./sourced.ts";
import { parseToml } from "./toml.ts";
import { parseYaml } from "./yaml.ts";

/** The most bytes of a configuration: a larger file is something else. */
const FILE_BYTES_MAX = 1024 * 1024;

/** Parsers by file extension. Each throws a ConfigError for text that it cannot read. */
const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  ".toml": parseToml,
  ".yaml": parseYaml,
  ".yml": parseYaml,
  ".json": parseJson,
};

const modules: readonly string[] = [".ts", ".mts", ".js", ".mjs", ".cjs"];

/**
 * Reads a configuration file: TOML, YAML or JSON with environment variables in texts, or a
 * TypeScript or JavaScript module whose default export is the configuration.
 *
 * @param path as the person wrote it; messages name the file by it
 * @param problems gets everything that is wrong, except contradictions
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
    // A module's getters may throw anything.
    if (!(error instanceof ConfigError) && !isModule) throw error;
    const why = error instanceof ConfigError ? error.problems : [`${name}: ${reasonOf(error)}`];
    for (const one of why) problems.say(() => one);
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
    // An empty file of any kind sets nothing; an empty YAML document is null.
    return text.trim() === "" ? {} : ((await parser(text)) ?? {});
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.problems.map((one) => `${name}: ${one}`));
  }
}

function readText(path: string, name: string): string {
  const limits = { bytesMax: FILE_BYTES_MAX, kind: "a configuration" };
  return new TextDecoder().decode(readRegularFile(path, name, limits));
}

async function importModule(path: string, name: string): Promise<unknown> {
  provideRingway();
  const place = resolve(path);
  // A reload must read it again. (Bun still caches what it imports.)
  delete require.cache[place];
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(pathToFileURL(place).href);
  } catch (error) {
    throw new ConfigError(`${name}: ${reasonOf(error)}`);
  }
  if (loaded.default === undefined) throw new ConfigError(`${name}: has no default export`);
  return loaded.default;
}

/**
 * Lets a module import `ringway` from this very program, wherever the module is: beside the
 * executable there is no package.
 */
function provideRingway(): void {
  Bun.plugin({
    name: "ringway",
    setup: (build) => {
      build.module("ringway", () => ({ exports: { defineConfig }, loader: "object" }));
    },
  });
}

function reasonOf(error: unknown): string {
  return `${moduleFailure(error)}${placeIn(error)}`;
}
