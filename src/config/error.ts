/**
 * What a person asked for cannot be done as it is written. The command line prints each problem and
 * exits with 2.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** All that is wrong, at least one: sentences on one line that name a value and what was expected. */
  readonly problems: readonly string[];

  constructor(problems: string | readonly string[]) {
    const all = typeof problems === "string" ? [problems] : problems;
    super(all.join("\n"));
    this.problems = all;
  }
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
    const cut = value.length > QUOTED_LENGTH_MAX ? `${value.slice(0, QUOTED_LENGTH_MAX)}…` : value;
    return `"${printable(cut)}"`;
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "object") return "a table";
  if (typeof value === "function") return "a function";
  return String(value);
}
