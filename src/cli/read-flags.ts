import { parseArgs } from "node:util";
import { notHere, settingCalled } from "../base/elsewhere.ts";
import { ConfigError, describe } from "../base/error.ts";
import { isSecret } from "../config/secrets.ts";
import type { SettingName } from "../config/settings.ts";
import type { GivenValue } from "../config/sourced.ts";
import { nearest } from "../config/suggest.ts";
import type { Given } from "../config/validate.ts";
import { commandNames } from "./commands.ts";
import type { Flag } from "./flag.ts";
import { flags } from "./flags.ts";

/** What the command line says, before its values are read. */
export interface CommandLine {
  readonly help: boolean;
  readonly version: boolean;
  /** The configuration file to read first. */
  readonly config: string | null;
  /** Reload when that file changes. */
  readonly isWatched: boolean;
  readonly given: Given;
  /** All problems, in sentences. */
  readonly problems: readonly string[];
}

/** What the line of a command says. */
export interface CommandArguments {
  /** The names of the given switches; only `help` if it is one of them. */
  readonly switches: ReadonlySet<string>;
  /** The values of the other flags, by name. */
  readonly values: ReadonlyMap<string, string>;
  /** The one argument that is no flag, if the command takes one. */
  readonly operand: string | null;
}

type Token = NonNullable<ReturnType<typeof tokenize>>[number];
type FlagToken = Extract<Token, { kind: "option" }>;

/**
 * Reads the command line strictly. citty ignores what it does not understand: unknown flags,
 * switches with values, values without flags, all but the last of several. A proxy that starts with
 * half of its flags does harm, so ringway reads the arguments itself, by its table.
 */
export function readFlags(args: readonly string[]): CommandLine {
  const tokens = tokenize(args, flags);
  // With --help, the rest of the line need not be right yet.
  if (isNamed(tokens, "help") || isNamed(tokens, "version")) {
    const [help, version] = [isNamed(tokens, "help"), isNamed(tokens, "version")];
    return { help, version, config: null, isWatched: false, given: {}, problems: [] };
  }
  const [first] = tokens;
  if (first?.kind === "positional" && first.index === 0 && isLikeCommand(first.value)) {
    // The rest was meant for that command.
    const problems = [noSuchCommand(first.value)];
    return { help: false, version: false, config: null, isWatched: false, given: {}, problems };
  }
  const { values, problems } = new LineReader(flags, 0).read(tokens);
  let config: string | null = null;
  let isWatched = false;
  const given: Partial<Record<SettingName, GivenValue>> = {};
  for (const [flag, texts] of values) {
    const value = texts !== true && !flag.repeatable ? texts[0] : texts;
    if (flag.setting !== undefined) given[flag.setting] = { value, label: `--${flag.name}` };
    else if (flag.name === "config" && typeof value === "string") config = value;
    else if (flag.name === "watch") isWatched = true;
  }
  if (isWatched && config === null) problems.push("--watch needs a file to watch: --config FILE");
  return { help: false, version: false, config, isWatched, given, problems };
}

/**
 * Reads the line of a command, just as strictly.
 *
 * @param operands how many other arguments it may have
 * @throws ConfigError with all problems
 */
export function readSwitches(
  args: readonly string[],
  known: readonly Flag[],
  operands: 0 | 1 = 0,
): CommandArguments {
  const tokens = tokenize(args, known);
  if (isNamed(tokens, "help"))
    return { switches: new Set(["help"]), values: new Map(), operand: null };
  const line = new LineReader(known, operands).read(tokens);
  if (line.problems.length > 0) throw new ConfigError(line.problems);
  const switches = new Set<string>();
  const values = new Map<string, string>();
  for (const [{ name }, given] of line.values) {
    if (given === true) switches.add(name);
    else values.set(name, given[0] ?? "");
  }
  return { switches, values, operand: line.operands[0] ?? null };
}

/** Goes through the arguments once, and continues after mistakes. */
class LineReader {
  readonly values = new Map<Flag, string[] | true>();
  readonly operands: string[] = [];
  readonly problems: string[] = [];
  /** The next argument was meant as the value of a flag that has been reported. */
  private isAfterProblem = false;
  /** The flag of a secret before this argument, which may be a part of its value. */
  private secretBefore: string | null = null;
  /** The argument that needs no further report. */
  private givenUp = -1;

  constructor(
    private readonly known: readonly Flag[],
    private readonly operandsMax: 0 | 1,
  ) {}

  read(tokens: readonly Token[]): this {
    for (const token of tokens) {
      const isMeantAsValue = this.isAfterProblem && token.kind === "positional";
      this.isAfterProblem = false;
      if (isMeantAsValue || token.index === this.givenUp) continue;
      if (token.kind === "positional") this.operand(token.value);
      else if (isFlag(token)) {
        this.secretBefore = isSecretFlag(token.name) ? token.name : null;
        this.flag(token);
      }
    }
    return this;
  }

  private operand(word: string): void {
    if (this.operands.length < this.operandsMax && word !== "") this.operands.push(word);
    else if (this.secretBefore === null) this.problems.push(notAFlag(word));
    else {
      const why = "is no flag: a value with spaces needs quotes";
      this.problems.push(`what stands after the value of --${this.secretBefore} ${why}`);
    }
  }

  private flag(token: FlagToken): void {
    const flag = this.known.find(({ name }) => name === token.name);
    if (flag === undefined) {
      this.problems.push(unknownFlag(token, this.known));
      // One dash means letter by letter, but the argument may be `-pPASSWORD` or `-p PASSWORD`.
      if (!token.rawName.startsWith("--")) this.givenUp = token.index;
      this.isAfterProblem = token.inlineValue !== true;
      return;
    }
    const before = this.values.get(flag);
    if (before !== undefined && flag.repeatable !== true) {
      this.problems.push(`--${flag.name} is given twice`);
    } else if (flag.hint === undefined) {
      if (token.value === undefined) this.values.set(flag, true);
      else this.problems.push(`--${flag.name} takes no value, got ${describe(token.value)}`);
    } else {
      const why = valueProblem(flag, token);
      const list = Array.isArray(before) ? before : [];
      if (why === null) this.values.set(flag, [...list, token.value ?? ""]);
      else this.problems.push(why);
      this.isAfterProblem = why !== null;
    }
  }
}

/** Whether a flag, known or not, is for a secret. */
function isSecretFlag(name: string): boolean {
  return isSecret(name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()));
}

function isNamed(tokens: readonly Token[], name: string): boolean {
  return tokens.some((token) => isFlag(token) && token.name === name);
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

function valueProblem({ name, hint }: Flag, { value, inlineValue }: FlagToken): string | null {
  // parseArgs takes any next argument as the value: a flag is none, a negative number is one.
  const isNextFlag = value !== undefined && !inlineValue && /^-+[^-\d.]/.test(value);
  if (value === undefined || value === "--" || isNextFlag) {
    return `--${name} needs a value: --${name} ${hint}`;
  }
  return value === "" ? `--${name} needs a value, got an empty one` : null;
}

function isLikeCommand(word: string): boolean {
  return /^[a-z]+$/i.test(word) && !commandNames.includes(word);
}

function noSuchCommand(word: string): string {
  const near = nearest(word, commandNames);
  const hint = near === null ? "see --help" : `did you mean ${near}?`;
  return `no such command ${describe(word)}; ${hint}`;
}

function notAFlag(word: string): string {
  const why = commandNames.includes(word)
    ? "is a command, which comes before all flags"
    : "is not a flag; see --help";
  return `${describe(word)} ${why}`;
}

function unknownFlag(token: FlagToken, known: readonly Flag[]): string {
  if (token.rawName === "-=") return "a switch takes no value; see --help";
  const long = token.rawName.startsWith("--");
  const names = known.map(({ name }) => name);
  const elsewhere = long ? hintFromElsewhere(token.name, known) : null;
  if (elsewhere !== null) return `unknown flag ${describe(token.rawName)}; ${elsewhere}`;
  const near = long ? nearest(token.name, names) : null;
  const hint = near === null ? "see --help" : `did you mean --${near}?`;
  return `unknown flag ${describe(token.rawName)}; ${hint}`;
}

/** For a flag of another proxy: its name here, or that ringway has no such thing. */
function hintFromElsewhere(name: string, known: readonly Flag[]): string | null {
  const setting = settingCalled(name);
  const flag = known.find((one) => setting !== null && one.setting === setting);
  // Flags of commands are no settings, so words of other proxies mean nothing there.
  if (flag !== undefined) return `it is called --${flag.name} here`;
  return known === flags ? notHere(name) : null;
}
