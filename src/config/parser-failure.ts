import { printable } from "../base/error.ts";
import { secretKeys } from "../base/secret-keys.ts";

/** Errors of the language itself, whose messages repeat what stands in a module. */
const LANGUAGE: ReadonlySet<string> = new Set([
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "URIError",
]);

/** Keys that parsers name, as in `Cannot redefine key 'mode'`, have no quotes, spaces or values. */
const KEY = /^[a-zA-Z]{1,30}$/;

/** Which of a parser's sentences name a key. */
const NAMES_KEY = /^Cannot redefine key /;

/**
 * What is wrong with a file, as its parser says it, in one line. Parsers repeat what they stumble
 * over, which may be a token without its quotes; so whatever they quote is left out, but for single
 * characters and keys.
 */
export function parserFailure(error: unknown): string {
  const line = firstLine(error);
  const [, kind, said = line] = /^(\w+) Parse error: (.*)$/.exec(line) ?? [];
  const told = NAMES_KEY.test(said) ? withKey(said) : withoutQuotes(said);
  return kind === undefined ? told : `not valid ${kind}: ${told}`;
}

/**
 * Why a module cannot be had. What its author throws is told; what the language and its parser say
 * about it only as far as it repeats nothing of the module.
 */
export function moduleFailure(error: unknown): string {
  const first = firstOf(error);
  if (!(first instanceof Error)) return firstLine(first);
  if (first.name === "BuildMessage") return withoutWords(withoutQuotes(firstLine(first)));
  return LANGUAGE.has(first.name) ? first.name : firstLine(first);
}

/** Where it is, for the end of a message: ` (line 3)`, or nothing where that is not known. */
export function placeIn(error: unknown): string {
  const line = (firstOf(error) as { position?: { line?: number } | null } | null)?.position?.line;
  return typeof line === "number" ? ` (line ${line})` : "";
}

/** Several mistakes of a module come as one error. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return printable(message.split("\n")[0] ?? "");
}

/** A single character in quotes stays; from any other quote on to the last of its kind nothing does. */
function withoutQuotes(text: string): string {
  return text.replace(/(["'])(.)\1|(["'`]).+\3/g, (quoted, single) =>
    single === undefined ? "…" : quoted,
  );
}

/** As above, for a sentence that names a key at its end. */
function withKey(text: string): string {
  const [, before, key = ""] = /^([\w ]+)'(.*)'$/.exec(text) ?? [];
  const isTold = KEY.test(key) || (secretKeys as readonly string[]).includes(key);
  return before === undefined || !isTold ? withoutQuotes(text) : text;
}

/** `Unexpected foo`: it names words without quotes. */
function withoutWords(text: string): string {
  return text.replace(/^(Unexpected|.* but found) (?!end of file$|…)(?=.*\w).*$/, "$1 …");
}
