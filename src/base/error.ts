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
/** Names that begin with a word and a colon, behind which nobody logs in. */
const PATH = /^["']?(?:unix|file):/i;

/** A text without what is clearly a secret in it, though it stands where none belongs. */
function unveiled(text: string): string {
  return withoutNamed(text.slice(0, LOOKED_AT_MAX))
    .replace(CALLED_SECRET, "$1***")
    .replace(/\S+/g, withoutUser);
}

/** Leaves out who logs in: `redis://***@host`, `user:***@host`. A password may have any character. */
function withoutUser(word: string): string {
  const end = word.lastIndexOf("@");
  const scheme = word.indexOf("//");
  const start = scheme === -1 ? word.indexOf(":") + 1 : scheme + 2;
  if (start === 0 || start >= end || PATH.test(word)) return word;
  return `${word.slice(0, start)}***${word.slice(end)}`;
}
