/*
 * JSON Schema of single values, for editors. They are wider than the rules where a value depends on
 * others, and never narrower: an editor must not complain of what ringway takes.
 */

/** A piece of JSON Schema. */
export type Form = Readonly<Record<string, unknown>>;

/** A text with an environment variable in it may become anything. */
const variable: Form = { type: "string", pattern: "\\$\\{" };

const AMOUNT = "\\d+(\\.\\d+)?";

/** Any text. */
export const text: Form = { type: "string" };

/** A name, or the number that stands for it. */
export const nameOrNumber: Form = { anyOf: [{ type: "integer", minimum: 0 }, text] };

/** Texts: in a list, or in one apart by commas. */
export const texts: Form = { anyOf: [text, { type: "array", items: text }] };

/** Permissions as chmod(1) takes them. */
export const octal: Form = {
  anyOf: [{ type: "string", pattern: "^0?[0-7]{3}$" }, variable],
};

/** A user or a group, by name or number. */
export const owner: Form = { anyOf: [text, { type: "integer", minimum: 0 }] };

/** Nothing that a text could say. */
export const off: Form = { enum: ["off", false] };

/** A number of something per second, or off. */
export const rate: Form = {
  anyOf: [{ type: "number" }, { type: "string", pattern: "^[\\d.]+$" }, { enum: ["off", false] }],
};

/** One of several words. */
export function words(known: readonly string[]): Form {
  return { anyOf: [{ enum: [...known] }, variable] };
}

/** True or false. */
export const truth: Form = { anyOf: [{ type: "boolean" }, { enum: ["true", "false"] }, variable] };

/** A switch. */
export const onOff: Form = {
  anyOf: [{ type: "boolean" }, { enum: ["on", "off", "true", "false"] }, variable],
};

/** A switch that may say more. */
export function onOffOr(known: readonly string[]): Form {
  return { anyOf: [{ type: "boolean" }, { enum: [...known] }, variable] };
}

/** A duration, or one of some words. */
export function duration(...others: (string | boolean)[]): Form {
  return quantity("(ms|s|m|h)?", others);
}

/** A duration that may be shorter than a millisecond. */
export const shortDuration: Form = quantity("(us|µs|μs|ms|s)?", []);

/** A size in bytes. */
export const size: Form = sizes([]);

/** The same, or off. */
export const sizeOrOff: Form = sizes([{ enum: ["off", false] }]);

/** A whole number of a range, or one of some words. */
export function count(minimum: number, maximum: number | null, ...others: string[]): Form {
  const most = maximum === null ? {} : { maximum };
  const number = { type: "integer", minimum, ...most };
  return { anyOf: [number, { type: "string", pattern: "^\\d+$" }, ...oneOf(others), variable] };
}

function sizes(others: readonly Form[]): Form {
  const written = { type: "string", pattern: "^\\d+([kKmMgG]([iI][bB])?|[bB])?$" };
  return { anyOf: [{ type: "integer", minimum: 0 }, written, ...others, variable] };
}

function quantity(units: string, others: readonly (string | boolean)[]): Form {
  const written = { type: "string", pattern: `^${AMOUNT}${units}$` };
  return { anyOf: [{ type: "number", minimum: 0 }, written, ...oneOf(others), variable] };
}

function oneOf(others: readonly (string | boolean)[]): Form[] {
  return others.length === 0 ? [] : [{ enum: [...others] }];
}
