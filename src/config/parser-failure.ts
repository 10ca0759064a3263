import { ConfigError, printable } from "../base/error.ts";

/** Errors of the language itself, whose messages repeat what stands in a module. */
const LANGUAGE: ReadonlySet<string> = new Set([
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "URIError",
]);

/**
 * What is wrong with a text, as its parser says it. Parsers repeat what they stumble over, which may be
 * a secret: whatever they quote, and a YAML tag, is left out.
 *
 * @param line where it is, from 1; null where that is not known
 */
export function notValid(kind: string, why: string, line: number | null): ConfigError {
  const told = withoutQuotes(withoutTags(printable(why)));
  const place = line === null ? "" : ` (line ${line})`;
  return new ConfigError(`not valid ${kind}: ${told}${place}`);
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

/** `unknown tag !<…>`, what else a YAML tag may hold, and the name of an alias, which may have quotes in it. */
function withoutTags(text: string): string {
  return text.replace(/!<.*>|(?<=(?:characters|malformed): |^unidentified alias ).*/, "…");
}

/** `Unexpected foo`: it names words without quotes. */
function withoutWords(text: string): string {
  return text.replace(/^(Unexpected|.* but found) (?!end of file$|…)(?=.*\w).*$/, "$1 …");
}
