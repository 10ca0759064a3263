import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError, describe, printable } from "./error.ts";
import type { GivenValue } from "./given.ts";
import { nearest } from "./suggest.ts";
import { uringKeys } from "./uring.ts";
import { type Given, type SettingName, settingNames } from "./validate.ts";

/** Most bytes that a configuration may have: beyond this it is some other file. */
const FILE_BYTES_MAX = 1024 * 1024;

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  ".toml": Bun.TOML.parse,
  ".yaml": Bun.YAML.parse,
  ".yml": Bun.YAML.parse,
  ".json": JSON.parse,
};

const modules: readonly string[] = [".ts", ".mts", ".js", ".mjs", ".cjs"];

/**
 * Reads a configuration file: TOML, YAML and JSON, or a TypeScript or JavaScript module whose
 * default export is the configuration. Its keys are the setting names; values are not looked at
 * yet.
 *
 * @param path as the person wrote it, which is also how messages name it
 * @throws ConfigError when it cannot be read or understood, or has an unknown key
 */
export async function loadFile(path: string): Promise<Given> {
  const name = printable(path);
  const content = await read(path, name);
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ConfigError(`${name}: expected keys with values, not ${describe(content)}`);
  }
  const given: Partial<Record<SettingName, GivenValue>> = {};
  for (const [key, value] of Object.entries(content)) {
    if (value === undefined) continue;
    if (key === GROUP) readGroup(value, name, given);
    else given[known(key, settingNames, name)] = { value, label: `${name}: ${key}` };
  }
  return given;
}

/** The one key whose value is a table of settings. */
const GROUP = "uring";

function readGroup(
  content: unknown,
  file: string,
  given: Partial<Record<SettingName, GivenValue>>,
): void {
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ConfigError(`${file}: ${GROUP} ${describe(content)}: expected keys with values`);
  }
  for (const [key, value] of Object.entries(content)) {
    if (value === undefined) continue;
    const name = `${GROUP}.${known(key, uringKeys, file, GROUP)}` as const;
    given[name] = { value, label: `${file}: ${name}` };
  }
}

/** The key of a table, in a group or outside. @throws ConfigError when it is not one of `names` */
function known<T extends string>(
  key: string,
  names: readonly T[],
  file: string,
  group?: string,
): T {
  const found = names.find((setting) => setting === key);
  if (found !== undefined) return found;
  const prefix = group === undefined ? "" : `${group}.`;
  const all = group === undefined ? [...names, GROUP] : names;
  // Flags are written in kebab-case, so that is what many will try first.
  const near = nearest(key.replaceAll(/[-_]/g, ""), all);
  const hint =
    near === null ? `expected one of ${all.join(", ")}` : `did you mean ${prefix}${near}?`;
  throw new ConfigError(`${file}: unknown key ${describe(prefix + key)}; ${hint}`);
}

async function read(path: string, name: string): Promise<unknown> {
  const kind = extname(path).toLowerCase();
  const parse = parsers[kind];
  if (parse === undefined && !modules.includes(kind)) {
    throw new ConfigError(
      `${name}: expected a file that ends in .toml, .yaml, .yml, .json, .ts or .js`,
    );
  }
  const text = await readText(path, name);
  if (parse === undefined) return await importModule(path, name);
  try {
    // An empty YAML document is null, and an empty file of any kind sets nothing.
    return text.trim() === "" ? {} : (parse(text) ?? {});
  } catch (error) {
    throw new ConfigError(`${name}: ${reasonOf(error)}${await placeOf(path)}`);
  }
}

async function readText(path: string, name: string): Promise<string> {
  const file = Bun.file(path);
  try {
    const { size } = await file.stat();
    if (size <= FILE_BYTES_MAX) return await file.text();
  } catch (error) {
    throw new ConfigError(`${name}: cannot be read: ${readFailure(error)}`);
  }
  throw new ConfigError(`${name}: larger than 1 MiB, so this is not a configuration`);
}

function readFailure(error: unknown): string {
  const { code = "unknown error" } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "no permission";
  if (code === "EISDIR") return "it is a directory";
  return code;
}

async function importModule(path: string, name: string): Promise<unknown> {
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw new ConfigError(`${name}: ${reasonOf(error)}${positionOf(error)}`);
  }
  if (loaded.default === undefined) throw new ConfigError(`${name}: has no default export`);
  return loaded.default;
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return printable(message.split("\n")[0] ?? "").replace(/^(\w+) Parse error: /, "not valid $1: ");
}

/**
 * Where a file stops being valid. The parsers do not say; importing the file fails at the same
 * place and does.
 */
async function placeOf(path: string): Promise<string> {
  try {
    await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    return positionOf(error);
  }
  return "";
}

function positionOf(error: unknown): string {
  const position = (error as { position?: { line?: number } | null } | null)?.position;
  return typeof position?.line === "number" ? ` (line ${position.line})` : "";
}
