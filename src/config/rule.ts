import { notRelayed, valueCalled } from "../base/elsewhere.ts";
import { ConfigError, describe } from "../base/error.ts";
import {
  formatCount,
  formatSize,
  parseDuration,
  parseMicros,
  parseSize,
} from "../base/quantity.ts";

/**
 * Reads one value of any kind, from a flag or a file.
 *
 * @throws ConfigError with one sentence that begins with the value and says what was expected
 */
export type Rule<T> = (value: unknown) => T;

/**
 * Refuses a value.
 *
 * @param words the words that it could have been: another proxy may call one of them differently
 * @throws ConfigError always
 */
export function refuse(value: unknown, expected: string, words: readonly string[] = []): never {
  const text = typeof value === "string" && words.length > 0 ? value : "";
  const called = valueCalled(text, words);
  if (called !== null) throw new ConfigError(`${describe(value)} is called ${called} here`);
  throw new ConfigError(`${describe(value)}: ${notRelayed(text, words) ?? `expected ${expected}`}`);
}

/** One of several words. */
export function word<T extends string>(words: readonly T[]): Rule<T> {
  return (value) => words.find((known) => known === value) ?? refuse(value, either(words), words);
}

/** `a, b or c`. */
export function either(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** A switch: true or false, also as text, because environment variables are text. */
export function truth(value: unknown): boolean {
  return switched(value) ?? refuse(value, "true or false");
}

/** A switch that is written `on` or `off`. */
export function onOff(value: unknown): boolean {
  if (value === "on") return true;
  if (value === "off") return false;
  return switched(value) ?? refuse(value, "on or off");
}

function switched(value: unknown): boolean | null {
  if (value === true || value === "true") return true;
  return value === false || value === "false" ? false : null;
}

/** Whether a value that may be an amount or a word is meant as a word, known or not. */
export function isWord(value: unknown): value is string {
  return typeof value === "string" && !/^[\d.]/.test(value);
}

/** A value that is a number or text. @throws ConfigError that names any other kind */
export function scalar(value: unknown): string | number {
  if (typeof value === "string" || typeof value === "number") return value;
  return refuse(value, "a number or text");
}

/** Returns a value as a whole number, or NaN. @throws ConfigError if it is no number or text */
export function wholeNumber(value: unknown): number {
  const text = String(scalar(value));
  return /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
}

/** A whole number within a range. */
export function count(least: number, most: number): Rule<number> {
  return (value) => {
    const number = wholeNumber(value);
    if (number >= least && number <= most) return number;
    return refuse(value, `a whole number of ${least}…${formatCount(most)}`);
  };
}

/**
 * A duration, in milliseconds.
 *
 * @param range its bounds as a person writes them, such as `1ms…24h`
 */
export function duration(range: string): Rule<number> {
  const [least, most] = boundsOf(range);
  return (value) => {
    const durationMs = parseDuration(scalar(value));
    if (durationMs >= least && durationMs <= most) return durationMs;
    return refuse(value, `a duration of ${range}`);
  };
}

/** A duration in milliseconds, or off, which is 0. */
export function durationOrOff(range: string): Rule<number> {
  const [least, most] = boundsOf(range);
  return (value) => {
    if (value === "off" || value === false) return 0;
    const expected = `a duration of ${range}, or off`;
    if (isWord(value)) return refuse(value, expected, ["off"]);
    const durationMs = parseDuration(scalar(value));
    if (durationMs >= least && durationMs <= most) return durationMs;
    return refuse(value, expected);
  };
}

function boundsOf(range: string): readonly [number, number] {
  const [least = "", most = ""] = range.split("…");
  return [parseDuration(least), parseDuration(most)];
}

/** A duration of 1us…1s, in microseconds. */
export function shortDuration(value: unknown): number {
  const micros = parseMicros(scalar(value));
  return micros >= 1 && micros <= 1_000_000 ? micros : refuse(value, "a duration of 1us…1s");
}

/** A size in bytes that is a power of two within a range. */
export function powerSize(least: number, most: number): Rule<number> {
  return (value) => {
    const bytes = parseSize(scalar(value));
    if (isPowerOfTwo(bytes) && bytes >= least && bytes <= most) return bytes;
    return refuse(value, `a power of two of ${tight(least)}…${tight(most)}`);
  };
}

/** Whether a number is 1, 2, 4, 8… */
export function isPowerOfTwo(number: number): boolean {
  return Number.isInteger(Math.log2(number));
}

/** A size as a person would type it: `64KiB`; bytes without a unit. */
export function tight(bytes: number): string {
  return formatSize(bytes).replace(/ B$/, "").replace(" ", "");
}
