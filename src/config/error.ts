import { withoutNamed } from "./secret-keys.ts";

/**
 * What a person asked for cannot be done as it is written. The command line prints each problem and
 * exits with 2.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** All that is wrong, at least one: sentences on one line that name a value and what was expected. */
  readonly problems: readonly string[];

  constructor(problems: string | readonly string[]) {
    const all = typeof problems === "string" ? [problems] : atMost(problems);
    super(all.join("\n"));
    this.problems = all;
  }
}

/** Mistakes that are told one by one. Who gives a wrong file may have one on every line. */
export const PROBLEMS_MAX = 100;

/** The sentence for mistakes that are only counted. */
export function andMore(count: number): string {
  return `and ${String(count).replace(/\B(?=(\d{3})+$)/g, ",")} more`;
}

function atMost(problems: readonly string[]): readonly string[] {
  // With one more that counts the rest it is a list that has been cut already.
  if (problems.length <= PROBLEMS_MAX + 1) return problems;
  return [...problems.slice(0, PROBLEMS_MAX), andMore(problems.length - PROBLEMS_MAX)];
}

/** Longest part of a value that a message repeats, in characters. */
const QUOTED_LENGTH_MAX = 80;

/** Characters that a terminal may obey, or that make text look like what it is not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be found
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text on one line and without control characters, for messages and the log. */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A value as a message names it: quoted text, a number, or what kind of thing it is. */
export function describe(value: unknown): string {
  if (typeof value === "string") {
    const shown = unveiled(value);
    const cut = shown.length > QUOTED_LENGTH_MAX ? `${shown.slice(0, QUOTED_LENGTH_MAX)}…` : shown;
    return `"${printable(cut)}"`;
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "object") return "a table";
  if (typeof value === "function") return "a function";
  return String(value);
}

/** Longest part of a text that is looked at before it is quoted. */
const LOOKED_AT_MAX = 4_096;

/** What is called a secret, and what stands behind it. */
const CALLED_SECRET = /((?:token|password|passwd|secret)["']?\s*[:=]\s*)\S.*/is;
/** Who logs in, in a URL. */
const USER_OF_URL = /(\/\/)[^/?#\s]*@/g;

/** A text without what is clearly a secret in it, though it stands where none belongs. */
function unveiled(text: string): string {
  return withoutNamed(text.slice(0, LOOKED_AT_MAX))
    .replace(CALLED_SECRET, "$1***")
    .replace(USER_OF_URL, "$1***@");
}
