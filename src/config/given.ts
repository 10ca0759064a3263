import { ConfigError, describe } from "./error.ts";
import { formatCount, formatSize, parseSize } from "./quantity.ts";

/** One value as it was given, not looked at yet. */
export interface GivenValue {
  readonly value: unknown;
  /** Where it was given, as a message names it: `--listen` or `ringway.toml: listen`. */
  readonly label: string;
}

/** Refuses what was given. @throws ConfigError always: where it was given, and then why */
export function fail(given: GivenValue | undefined, why: string): never {
  throw new ConfigError(`${given?.label ?? "defaults"} ${why}`);
}

/** Refuses a value. @throws ConfigError always: the value, and what was expected */
export function refuse(given: GivenValue, expected: string): never {
  return fail(given, `${describe(given.value)}: expected ${expected}`);
}

/** Runs a parser whose message begins with the value, and puts the label before it. */
export function labelled<T>(given: GivenValue, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ConfigError) fail(given, error.message);
    throw error;
  }
}

/** One of several words. @throws ConfigError */
export function oneOf<T extends string>(
  given: GivenValue | undefined,
  words: readonly T[],
  initial: T,
): T {
  if (given === undefined) return initial;
  return words.find((known) => known === given.value) ?? refuse(given, either(words));
}

/** `a, b or c`. */
export function either(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** A switch of the command line, or true or false in a file. @throws ConfigError */
export function truth(given: GivenValue | undefined): boolean {
  if (given === undefined) return false;
  return typeof given.value === "boolean" ? given.value : refuse(given, "true or false");
}

/** `on` or `off`; in a file also true or false. @throws ConfigError */
export function onOff(given: GivenValue | undefined, initial: boolean): boolean {
  if (given === undefined) return initial;
  if (given.value === "on" || given.value === true) return true;
  if (given.value === "off" || given.value === false) return false;
  return refuse(given, "on or off");
}

/** What a file may give as a number or as text; other kinds are left to fail with their name. */
export function scalar(given: GivenValue): string | number {
  const { value } = given;
  if (typeof value === "string" || typeof value === "number") return value;
  return refuse(given, "a number or text");
}

/** The whole number that was given, or NaN when it is none. @throws ConfigError for other kinds */
export function wholeNumber(given: GivenValue): number {
  const text = String(scalar(given));
  return /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
}

/** A whole number of a range. @throws ConfigError */
export function count(
  given: GivenValue | undefined,
  least: number,
  most: number,
  initial: number,
): number {
  if (given === undefined) return initial;
  const number = wholeNumber(given);
  if (number >= least && number <= most) return number;
  return refuse(given, `a whole number of ${least}…${formatCount(most)}`);
}

/** A size in bytes that is a power of two of a range. @throws ConfigError */
export function powerSize(
  given: GivenValue | undefined,
  least: number,
  most: number,
  initial: number,
): number {
  if (given === undefined) return initial;
  const value = scalar(given);
  const bytes = labelled(given, () => parseSize(value));
  if (Number.isInteger(Math.log2(bytes)) && bytes >= least && bytes <= most) return bytes;
  return refuse(given, `a power of two of ${tight(least)}…${tight(most)}`);
}

/** A size as a person would type it: `64KiB`; plain bytes without their unit. */
export function tight(bytes: number): string {
  return formatSize(bytes).replace(/ B$/, "").replace(" ", "");
}
