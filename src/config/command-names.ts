import { refuse } from "./rule.ts";

/** The most names of a list. */
const NAMES_MAX = 1_000;
/** A command, perhaps with its subcommand; those of modules have dots. */
const NAME = /^[\w.-]{1,64}(?: [\w.-]{1,64})?$/;

/**
 * Commands of Valkey, in capitals: `KEYS`, `CONFIG SET`; a text with commas, or a list. Any name is
 * one, because modules have commands of their own.
 */
export function commandNames(value: unknown): readonly string[] {
  if (value === "none") return [];
  const expected = "commands such as KEYS or CONFIG SET, separated by commas, or none";
  const all: unknown = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(all)) return refuse(value, expected);
  if (all.length > NAMES_MAX) return refuse(value, `up to ${NAMES_MAX} commands`);
  const names = all.map((one: unknown) => {
    const name = typeof one === "string" ? nameOf(one) : "";
    return NAME.test(name) ? name : refuse(one, expected);
  });
  return [...new Set(names)];
}

/** In capitals, with one space before a subcommand, where access lists of Valkey have `|`. */
function nameOf(text: string): string {
  return text
    .trim()
    .replace(/\s+|\|/g, " ")
    .toUpperCase();
}
