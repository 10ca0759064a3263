import { type Address, formatAddress } from "../../base/address.ts";
import { formatCount, formatDuration, formatMicros } from "../../base/quantity.ts";
import * as rules from "../rule.ts";
import { either, type Rule, tight } from "../rule.ts";

/*
 * Kinds of values: each one's rule, and how editors, types, the help and messages present it. A
 * JSON Schema may be wider than its rule, never narrower: an editor must not complain about what
 * ringway accepts.
 */

/** A piece of JSON Schema. */
export type Form = Readonly<Record<string, unknown>>;

/** A kind of value. */
export interface Kind<T> {
  readonly rule: Rule<T>;
  /** What editors know about it. */
  readonly form: Form;
  /** What a program may write: a TypeScript type. */
  readonly type: string;
  /** What the help calls a value. */
  readonly hint: string;
  /** The range of values, for people: `1ms…24h`; missing where nothing needs to be said. */
  readonly range?: string;
  /** A value as a person would write it. */
  show(value: T): string;
}

/** The words that a value may be, for editors, shells and the reference; empty if it is no word. */
export function wordsOf({ form }: Pick<Kind<unknown>, "form">): string[] {
  const alternatives: readonly Form[] = Array.isArray(form.anyOf) ? form.anyOf : [];
  const all = [form, ...alternatives].flatMap((one) => (Array.isArray(one.enum) ? one.enum : []));
  const words = all.filter((word): word is string => typeof word === "string");
  // Every switch that takes on also takes true.
  const isSwitch = words.includes("on");
  return [...new Set(words)].filter((word) => !isSwitch || !/^(true|false)$/.test(word));
}

/** A text with an environment variable in it may become anything. */
const variable: Form = { type: "string", pattern: "\\$\\{" };
const text: Form = { type: "string" };
const off: Form = { enum: ["off", false] };

/** One of several words, which are listed after the setting's sentence. */
export function word<const T extends string>(words: readonly T[], hint = "WORD"): Kind<T> {
  return { ...namedWord(words, hint), range: either(words) };
}

/** One of several words, which the setting's sentence itself explains. */
export function namedWord<const T extends string>(words: readonly T[], hint = "WORD"): Kind<T> {
  const form = { anyOf: [{ enum: [...words] }, variable] };
  const type = words.map((one) => JSON.stringify(one)).join(" | ");
  return { rule: rules.word(words), form, type, hint, show: String };
}

/** True or false: on the command line, a switch without a value. */
export const truth: Kind<boolean> = {
  rule: rules.truth,
  form: { anyOf: [{ type: "boolean" }, { enum: ["true", "false"] }, variable] },
  type: 'boolean | "true" | "false"',
  hint: "",
  show: switched,
};

/** On or off. */
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

/** Nobody reaches a limit this high, so messages leave it out. */
const ENDLESS = 1_000_000;

/** A whole number within a range. */
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

/** A whole number, by a rule of its own, or one of the words `others`. */
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

/** A number for people: whole numbers with separated thousands. */
export function numberText(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : String(value);
}

/** A duration, in milliseconds. @param range as the rule takes it: `1ms…24h` */
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

/** A text, by a rule of its own. @param show how to show it; by default, as it is */
export function textBy<T>(
  rule: Rule<T>,
  hint: string,
  show: (value: T) => string = String,
): Kind<T> {
  return { rule, form: text, type: "string", hint, show };
}

/** A text that no message, document or plan repeats. Its key is listed in `secret-keys.ts`. */
export function secretBy<T>(rule: Rule<T>, hint: string): Kind<T> {
  return textBy(rule, hint, () => NOT_SHOWN);
}

/** Stands for a value that is secret, or that a person could not read. */
export const NOT_SHOWN = "(not shown)";

/** An address, or `none`. */
export function addressBy<T extends Address | "none">(rule: Rule<T>): Kind<T> {
  return textBy(rule, "ADDR", (value) =>
    value === "none" ? "none" : formatAddress(value as Address),
  );
}

/** A list of texts, or one text with commas. @param show how to show the value */
export function textsBy<T>(rule: Rule<T>, hint: string, show: (value: T) => string): Kind<T> {
  return { rule, form: textOrTexts, type: "string | readonly string[]", hint, show };
}

/** The form of one text or several. */
export const textOrTexts: Form = { anyOf: [text, { type: "array", items: text }] };

/**
 * The form of a list whose items are tables, or texts that say the same; or all as one text, or off.
 *
 * @param properties the form of each key of a table
 * @param required the keys that no table may lack
 */
export function tablesOrText(
  properties: Readonly<Record<string, Form>>,
  required: readonly string[] = [],
): Form {
  const needed = required.length === 0 ? {} : { required };
  const table = { type: "object", properties, ...needed, additionalProperties: false };
  const list = { type: "array", items: { anyOf: [text, table] } };
  return { anyOf: [text, { enum: [false] }, list] };
}

/** Items as one text; `none` for an empty list. */
export function joined(items: readonly string[]): string {
  return items.length === 0 ? "none" : items.join(", ");
}

/** A number or a text, by a rule of its own, or off. */
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

/** A function; a text can only turn it off. */
export function functionBy<T>(rule: Rule<T>, type: string): Kind<T> {
  return { rule, form: off, type: `${type} | "off" | false`, hint: "", show: () => NOT_SHOWN };
}
