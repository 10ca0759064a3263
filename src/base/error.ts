import { withoutNamed } from "./secret-keys.ts";

/**
 * A person's configuration or flags are wrong. The command line prints each problem and exits with
 * 2.
 */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** At least one problem: a sentence on one line that names a value and what was expected. */
  readonly problems: readonly string[];

  constructor(problems: string | readonly string[]) {
    const all = typeof problems === "string" ? [problems] : atMost(problems);
    super(all.join("\n"));
    this.problems = all;
  }
}

/** The most problems to list. A file of the wrong kind may have one on every line. */
export const PROBLEMS_MAX = 100;

/** The sentence for problems that are only counted. */
export function andMore(count: number): string {
  return `and ${String(count).replace(/\B(?=(\d{3})+$)/g, ",")} more`;
}

function atMost(problems: readonly string[]): readonly string[] {
  // One more than the limit: the list has been cut before, and its last sentence counts the rest.
  if (problems.length <= PROBLEMS_MAX + 1) return problems;
  return [...problems.slice(0, PROBLEMS_MAX), andMore(problems.length - PROBLEMS_MAX)];
}

/** The most characters of a value that a message repeats. */
const QUOTED_LENGTH_MAX = 80;

/**
 * Characters that terminals may obey, that are invisible, or that disguise text: controls, formats
 * (such as bidirectional marks), unassigned code points, line separators, and ignorable characters.
 *
 * Source: Unicode, general categories C, Zl and Zp, and Default_Ignorable_Code_Point.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Returns a text on one line with visible characters only, for messages, the log and terminals.
 * Other characters are escaped as in JSON.
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

/** {@link printable} for a text that keeps its lines, such as a stack or a table. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** Describes a value for messages: quoted text, a number, or its kind. */
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

/** The most characters of a text to search for secrets before quoting it. */
const LOOKED_AT_MAX = 4_096;

/** The name of a secret, and everything after it. */
const CALLED_SECRET = /((?:token|password|passwd|secret)["']?\s*[:=]\s*)\S.*/is;
/** Prefixes with a colon that no user name and password follow. */
const PATH = /^["']?(?:unix|file):/i;

/** Removes what is clearly a secret, even where none belongs. */
function unveiled(text: string): string {
  return withoutNamed(text.slice(0, LOOKED_AT_MAX))
    .replace(CALLED_SECRET, "$1***")
    .replace(/\S+/g, withoutUser);
}

/** Hides logins: `redis://***@host`, `user:***@host`. A password may have any character. */
function withoutUser(word: string): string {
  const end = word.lastIndexOf("@");
  const scheme = word.indexOf("//");
  const start = scheme === -1 ? word.indexOf(":") + 1 : scheme + 2;
  if (start === 0 || start >= end || PATH.test(word)) return word;
  return `${word.slice(0, start)}***${word.slice(end)}`;
}
