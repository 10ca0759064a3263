import { ConfigError, describe } from "../base/error.ts";
import { secretKeys } from "../base/secret-keys.ts";
import { readRegularFile } from "../system/regular-file.ts";
import type { Rule } from "./rule.ts";

const names: ReadonlySet<unknown> = new Set(secretKeys);

/** The prefix of a secret that is in a file. */
const FILE = "file:";

/** The most bytes of a file with a secret. */
const FILE_BYTES_MAX = 4_096;

/** Whether a setting's value is secret. @param key one step of a path, or a setting's name */
export function isSecret(key: unknown): boolean {
  return names.has(key);
}

/** Describes a value by its kind, for messages that must not repeat it. */
export function veiled(value: unknown): string {
  if (typeof value === "string")
    return value === "" ? "an empty text" : `a text of ${value.length} characters`;
  return typeof value === "number" || typeof value === "bigint" ? "a number" : describe(value);
}

/**
 * The rule of a secret.
 *
 * @param taken returns the value of a valid text, and undefined for any other
 * @param expected what messages say was expected
 */
export function secret<T>(taken: (text: string) => T | undefined, expected: string): Rule<T> {
  return (value) => {
    const right = typeof value === "string" ? taken(value) : undefined;
    if (right !== undefined) return right;
    throw new ConfigError(`${veiled(value)}: expected ${expected}`);
  };
}

/**
 * The rule of a secret that may also be the first line of a file: `file:PATH`. That way neither a
 * list of processes nor a copy of the configuration shows it.
 *
 * @param taken as in {@link secret}
 */
export function secretOrFile<T>(taken: (text: string) => T | undefined, expected: string): Rule<T> {
  const plain = secret(taken, `${expected}; file:PATH if it is in a file`);
  return (value) => {
    if (typeof value !== "string" || !value.startsWith(FILE)) return plain(value);
    const path = value.slice(FILE.length);
    const text = readSecretFile(path);
    const right = taken(text);
    if (right !== undefined) return right;
    throw new ConfigError(`${describe(path)}: has ${veiled(text)}: expected ${expected}`);
  };
}

/** The first line of a file. @throws ConfigError if others may read it, too */
function readSecretFile(path: string): string {
  const bytes = readRegularFile(path, describe(path), {
    bytesMax: FILE_BYTES_MAX,
    kind: "a file with a secret",
    isPrivate: true,
  });
  return bytes.toString("utf8").split(/\r?\n/, 1)[0] ?? "";
}
