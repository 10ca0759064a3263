import { ConfigError, describe } from "../base/error.ts";
import { secretKeys } from "../base/secret-keys.ts";
import { readRegularFile } from "../system/regular-file.ts";
import type { Rule } from "./rule.ts";

const names: ReadonlySet<unknown> = new Set(secretKeys);

/** How a secret says that it is in a file. */
const FILE = "file:";

/** Most bytes of a file with a secret. */
const FILE_BYTES_MAX = 4_096;

/** Whether a setting's value is not to be told. @param key one step of a path, or a setting's name */
export function isSecret(key: unknown): boolean {
  return names.has(key);
}

/** A value as a message names it that must not repeat it: what kind of thing it is. */
export function veiled(value: unknown): string {
  if (typeof value === "string")
    return value === "" ? "an empty text" : `a text of ${value.length} characters`;
  return typeof value === "number" || typeof value === "bigint" ? "a number" : describe(value);
}

/**
 * The rule of a secret.
 *
 * @param taken what it is when it is a text that is right, and undefined else
 * @param expected what it should have been
 */
export function secret<T>(taken: (text: string) => T | undefined, expected: string): Rule<T> {
  return (value) => {
    const right = typeof value === "string" ? taken(value) : undefined;
    if (right !== undefined) return right;
    throw new ConfigError(`${veiled(value)}: expected ${expected}`);
  };
}

/**
 * The rule of a secret that may also be in a file, of which it is the first line: `file:PATH`. There
 * neither a list of processes shows it nor a copy of the configuration.
 *
 * @param taken as of {@link secret}
 */
export function secretOrFile<T>(taken: (text: string) => T | undefined, expected: string): Rule<T> {
  const plain = secret(taken, `${expected}; file:PATH where it is in a file`);
  return (value) => {
    if (typeof value !== "string" || !value.startsWith(FILE)) return plain(value);
    const path = value.slice(FILE.length);
    const text = readSecretFile(path);
    const right = taken(text);
    if (right !== undefined) return right;
    throw new ConfigError(`${describe(path)}: has ${veiled(text)}: expected ${expected}`);
  };
}

/** The first line of a file that nobody else may read. @throws ConfigError */
function readSecretFile(path: string): string {
  const bytes = readRegularFile(path, describe(path), {
    bytesMax: FILE_BYTES_MAX,
    kind: "a file with a secret",
    isPrivate: true,
  });
  return bytes.toString("utf8").split(/\r?\n/, 1)[0] ?? "";
}
