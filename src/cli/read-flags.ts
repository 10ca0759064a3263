import { parseArgs } from "node:util";
import { ConfigError, describe } from "../config/error.ts";
import type { GivenValue } from "../config/given.ts";
import { nearest } from "../config/suggest.ts";
import type { Given, SettingName } from "../config/validate.ts";
import { commandNames } from "./commands.ts";
import { type Flag, flags } from "./flags.ts";

/** What the command line says, before any value was looked at. */
export interface CommandLine {
  readonly help: boolean;
  readonly version: boolean;
  /** The configuration file to read first. */
  readonly config: string | null;
  readonly given: Given;
}

type Token = NonNullable<ReturnType<typeof tokenize>>[number];
type FlagToken = Extract<Token, { kind: "option" }>;

/**
 * Reads the command line strictly. citty forgives what it does not understand: unknown flags,
 * switches with values, values without flags, all but the last of several. A proxy that starts with
 * half of what it was told does harm, so that ringway reads the arguments itself, from its table.
 *
 * @throws ConfigError for the first argument that is not right
 */
export function readFlags(args: readonly string[]): CommandLine {
  const tokens = tokenize(args, flags);
  // Whoever asks for help may not know yet what the rest of the line should look like.
  if (isNamed(tokens, "help") || isNamed(tokens, "version")) {
    const [help, version] = [isNamed(tokens, "help"), isNamed(tokens, "version")];
    return { help, version, config: null, given: {} };
  }
  const values = valuesOf(tokens, flags);
  let config: string | null = null;
  const given: Partial<Record<SettingName, GivenValue>> = {};
  for (const [flag, texts] of values) {
    const value = texts !== true && !flag.repeatable ? texts[0] : texts;
    if (flag.setting !== undefined) given[flag.setting] = { value, label: `--${flag.name}` };
    else if (flag.name === "config" && typeof value === "string") config = value;
  }
  return { help: false, version: false, config, given };
}

/**
 * Reads the switches of a command that has nothing else, as strictly.
 *
 * @returns the names of those that are given; only `help` when that is one of them
 * @throws ConfigError for the first argument that is not right
 */
export function readSwitches(args: readonly string[], known: readonly Flag[]): Set<string> {
  const tokens = tokenize(args, known);
  if (isNamed(tokens, "help")) return new Set(["help"]);
  return new Set([...valuesOf(tokens, known).keys()].map(({ name }) => name));
}

function isNamed(tokens: readonly Token[], name: string): boolean {
  return tokens.some((token) => isFlag(token) && token.name === name);
}

function valuesOf(tokens: readonly Token[], known: readonly Flag[]): Map<Flag, string[] | true> {
  const values = new Map<Flag, string[] | true>();
  for (const token of tokens) readToken(token, known, values);
  return values;
}

function tokenize(args: readonly string[], known: readonly Flag[]) {
  const options: Record<string, { type: "string" | "boolean"; multiple: true; short?: string }> =
    {};
  for (const { name, short, hint } of known) {
    const type = hint === undefined ? "boolean" : "string";
    options[name] = { type, multiple: true, ...(short === undefined ? {} : { short }) };
  }
  // Not strict: its complaints are written for programmers, and they stop at the first flag even
  // when the second is --help.
  return parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

function isFlag(token: Token): token is FlagToken {
  return token.kind === "option";
}

function readToken(token: Token, known: readonly Flag[], values: Map<Flag, string[] | true>): void {
  if (token.kind === "option-terminator") return;
  if (token.kind === "positional") throw notAFlag(token.value);
  const flag = known.find(({ name }) => name === token.name);
  if (flag === undefined) throw unknownFlag(token, known);
  const before = values.get(flag);
  if (before !== undefined && flag.repeatable !== true) {
    throw new ConfigError(`--${flag.name} is given twice`);
  }
  if (flag.hint === undefined) {
    if (token.value !== undefined) {
      throw new ConfigError(`--${flag.name} takes no value, got ${describe(token.value)}`);
    }
    values.set(flag, true);
    return;
  }
  values.set(flag, [...(Array.isArray(before) ? before : []), textOf(flag, token)]);
}

function textOf(flag: Flag, token: FlagToken): string {
  const { value, inlineValue } = token;
  // The next argument was taken as the value, whatever it is: a flag is none, a number is.
  const isNextFlag = value !== undefined && !inlineValue && /^-+[^-\d.]/.test(value);
  if (value === undefined || value === "--" || isNextFlag) {
    throw new ConfigError(`--${flag.name} needs a value: --${flag.name} ${flag.hint}`);
  }
  if (value === "") throw new ConfigError(`--${flag.name} needs a value, got an empty one`);
  return value;
}

function notAFlag(word: string): ConfigError {
  const why = commandNames.includes(word)
    ? "is a command, which comes before all flags"
    : "is not a flag; see --help";
  return new ConfigError(`${describe(word)} ${why}`);
}

function unknownFlag(token: FlagToken, known: readonly Flag[]): ConfigError {
  if (token.rawName === "-=") return new ConfigError("a switch takes no value; see --help");
  const long = token.rawName.startsWith("--");
  const names = known.map(({ name }) => name);
  const near = long ? nearest(token.name, names) : null;
  const hint = near === null ? "see --help" : `did you mean --${near}?`;
  return new ConfigError(`unknown flag ${describe(token.rawName)}; ${hint}`);
}
