import { type Address, formatAddress } from "../../base/address.ts";
import { formatCount, formatDuration, formatMicros } from "../../base/quantity.ts";
import * as rules from "../rule.ts";
import { either, type Rule, tight } from "../rule.ts";

/*
 * Kinds of values: the rule of each, and how editors, the types, the help and messages have it. A JSON
 * Schema may be wider than its rule and is never narrower: an editor must not complain of what ringway
 * takes.
 */

/** A piece of JSON Schema. */
export type Form = Readonly<Record<string, unknown>>;

/** A kind of value. */
export interface Kind<T> {
  readonly rule: Rule<T>;
  /** What an editor may know of it. */
  readonly form: Form;
  /** What a program may write: a type of TypeScript. */
  readonly type: string;
  /** What the help calls a value. */
  readonly hint: string;
  /** Which values there are, as far as that needs words: `1ms…24h`. */
  readonly range?: string;
  /** A value as a person would write it. */
  show(value: T): string;
}

/** The words that a value may be, as far as it may be a word: for editors, shells and the reference. */
export function wordsOf({ form }: Pick<Kind<unknown>, "form">): string[] {
  const alternatives: readonly Form[] = Array.isArray(form.anyOf) ? form.anyOf : [];
  const all = [form, ...alternatives].flatMap((one) => (Array.isArray(one.enum) ? one.enum : []));
  const words = all.filter((word): word is string => typeof word === "string");
  // What can be on can be true as well.
  const isSwitch = words.includes("on");
  return [...new Set(words)].filter((word) => !isSwitch || !/^(true|false)$/.test(word));
}

/** A text with an environment variable in it may become anything. */
const variable: Form = { type: "string", pattern: "\\$\\{" };
const text: Form = { type: "string" };
const off: Form = { enum: ["off", false] };

/** One of several words, which are listed behind the sentence that says what it is for. */
export function word<const T extends string>(words: readonly T[], hint = "WORD"): Kind<T> {
  return { ...namedWord(words, hint), range: either(words) };
}

/** One of several words, which the sentence itself explains. */
export function namedWord<const T extends string>(words: readonly T[], hint = "WORD"): Kind<T> {
  const form = { anyOf: [{ enum: [...words] }, variable] };
  const type = words.map((one) => JSON.stringify(one)).join(" | ");
  return { rule: rules.word(words), form, type, hint, show: String };
}

/** True or false, which is a switch without a value on the command line. */
export const truth: Kind<boolean> = {
  rule: rules.truth,
  form: { anyOf: [{ type: "boolean" }, { enum: ["true", "false"] }, variable] },
  type: 'boolean | "true" | "false"',
  hint: "",
  show: switched,
};

/** A switch. */
export const onOff: Kind<boolean> = {
  rule: rules.onOff,
  form: { anyOf: [{ type: "boolean" }, { enum: ["on", "off", "true", "false"] }, variable] },
  type: "OnOff",
  hint: "on|off",
  show: switched,
};

function switched(isOn: boolean): string {
  return isOn ? "on" : "off";
}

/** A range up to here or beyond has no end that a person would meet. */
const ENDLESS = 1_000_000;

/** A whole number of a range. */
export function count(least: number, most: number): Kind<number> {
  const range = `${least}…${formatCount(most)}`;
  return {
    rule: rules.count(least, most),
    form: wholeNumber(least, most >= ENDLESS ? null : most),
    type: "number | string",
    hint: "N",
    ...(most >= ENDLESS ? {} : { range }),
    show: numberText,
  };
}

/** A whole number, by a rule of its own, or one of some words. */
export function countBy(
  rule: Rule<number>,
  least: number,
  most: number | null,
  ...others: string[]
): Kind<number> {
  const form = wholeNumber(least, most, others);
  return { rule, form, type: "number | string", hint: "N", show: numberText };
}

function wholeNumber(minimum: number, maximum: number | null, others: string[] = []): Form {
  const most = maximum === null ? {} : { maximum };
  const number = { type: "integer", minimum, ...most };
  const digits = { type: "string", pattern: "^\\d+$" };
  return { anyOf: [number, digits, ...oneOf(others), variable] };
}

/** A number as it is told: a count with its thousands apart. */
export function numberText(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : String(value);
}

/** A duration, in milliseconds. @param range as of the rule: `1ms…24h` */
export function duration(range: string): Kind<number> {
  const form = quantity("(ms|s|m|h)?", []);
  const show = (ms: number) => (ms === 0 ? "0s" : formatDuration(ms));
  return { rule: rules.duration(range), form, type: "Duration", hint: "TIME", range, show };
}

/** The same, or off, which is 0. */
export function durationOrOff(range: string): Kind<number> {
  return {
    ...duration(range),
    rule: rules.durationOrOff(range),
    form: quantity("(ms|s|m|h)?", ["off", false]),
    type: 'Duration | "off" | false',
    show: (ms) => (ms === 0 ? "off" : formatDuration(ms)),
  };
}

/** A duration of 1us…1s, in microseconds. */
export const shortDuration: Kind<number> = {
  rule: rules.shortDuration,
  form: quantity("(us|µs|μs|ms|s)?", []),
  type: "ShortDuration",
  hint: "TIME",
  range: "1us…1s",
  show: formatMicros,
};

/** A size in bytes that is a power of two. */
export function powerSize(least: number, most: number): Kind<number> {
  const rule = rules.powerSize(least, most);
  return { ...sizeBy(rule), range: `a power of two of ${tight(least)}…${tight(most)}` };
}

/** A size in bytes, by a rule of its own. */
export function sizeBy(rule: Rule<number>): Kind<number> {
  return { rule, form: sizes([]), type: "Size", hint: "SIZE", show: tight };
}

/** Bytes per second, or off, which is 0. */
export function byteRateBy(rule: Rule<number>): Kind<number> {
  const show = (bytes: number) => (bytes === 0 ? "off" : `${tight(bytes)}/s`);
  const type = 'Size | "off" | false';
  return { rule, form: sizes([off]), type, hint: "SIZE", show };
}

function sizes(others: readonly Form[]): Form {
  const written = { type: "string", pattern: "^\\d+([kKmMgG]([iI][bB])?|[bB])?$" };
  return { anyOf: [{ type: "integer", minimum: 0 }, written, ...others, variable] };
}

function quantity(units: string, others: readonly (string | boolean)[]): Form {
  const written = { type: "string", pattern: `^\\d+(\\.\\d+)?${units}$` };
  return { anyOf: [{ type: "number", minimum: 0 }, written, ...oneOf(others), variable] };
}

function oneOf(others: readonly (string | boolean)[]): Form[] {
  return others.length === 0 ? [] : [{ enum: [...others] }];
}

/** A text, by a rule of its own. @param show how it is told; unless given, as it is */
export function textBy<T>(
  rule: Rule<T>,
  hint: string,
  show: (value: T) => string = String,
): Kind<T> {
  return { rule, form: text, type: "string", hint, show };
}

/** A text that no message, document or plan repeats. Its key is one of `secret-keys.ts`. */
export function secretBy<T>(rule: Rule<T>, hint: string): Kind<T> {
  return textBy(rule, hint, () => NOT_SHOWN);
}

/** Stands for a value that must not be repeated, or that nobody could read. */
export const NOT_SHOWN = "(not shown)";

/** An address, or a word for none. */
export function addressBy<T extends Address | "none">(rule: Rule<T>): Kind<T> {
  return textBy(rule, "ADDR", (value) =>
    value === "none" ? "none" : formatAddress(value as Address),
  );
}

/** A list of texts, or one text with commas. @param show one of what they stand for */
export function textsBy<T>(rule: Rule<T>, hint: string, show: (value: T) => string): Kind<T> {
  const form = { anyOf: [text, { type: "array", items: text }] };
  return { rule, form, type: "string | readonly string[]", hint, show };
}

/** Items as one text; `none` where there is none. */
export function joined(items: readonly string[]): string {
  return items.length === 0 ? "none" : items.join(", ");
}

/** A number or a text that a rule of its own reads, or off. @param type what a program may write */
export function numberOrOffBy<T>(rule: Rule<T>, show: (value: T) => string): Kind<T> {
  const form = { anyOf: [{ type: "number" }, { type: "string", pattern: "^[\\d.]+$" }, off] };
  return { rule, form, type: "number | string | false", hint: "N", show };
}

/** Permissions, as chmod(1) takes them. */
export function modeBy(rule: Rule<number>): Kind<number> {
  const form = { anyOf: [{ type: "string", pattern: "^0?[0-7]{3}$" }, variable] };
  return { rule, form, type: "string", hint: "MODE", show: (mode) => `0${mode.toString(8)}` };
}

/** A user or a group, by name or number. */
export function ownerBy<T>(rule: Rule<T>, hint: string): Kind<T> {
  const form = { anyOf: [text, { type: "integer", minimum: 0 }] };
  return { rule, form, type: "string | number", hint, show: String };
}

/** A function; a text can only say that there is none. */
export function functionBy<T>(rule: Rule<T>, type: string): Kind<T> {
  return { rule, form: off, type: `${type} | "off" | false`, hint: "", show: () => NOT_SHOWN };
}
