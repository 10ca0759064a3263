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

/**
 * Characters that a terminal may obey, that nobody sees, or that make text look like what it is not:
 * controls, formats (such as the marks that turn text around), what no character is assigned to, line
 * separators, and all that is usually left out when text is shown.
 *
 * Source: Unicode, general categories C, Zl and Zp, and Default_Ignorable_Code_Point.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * The text on one line and with nothing in it but what can be seen, for messages, the log and a
 * terminal. What else there is stands there as JSON would escape it.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    let escapes = "";
    for (let index = 0; index < character.length; index++) {
      escapes += `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
    }
    return escapes;
  });
}

/** The same for a text whose lines are its own, such as a stack or a table. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
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
