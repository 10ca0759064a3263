import { ConfigError, printable } from "../base/error.ts";

/** JavaScript's own errors, whose messages may quote a module. */
const LANGUAGE: ReadonlySet<string> = new Set([
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "URIError",
]);

/**
 * An error with what a parser said about a text. Parsers repeat parts of the text, which may be a
 * secret, so quotes and YAML tags are left out.
 *
 * @param line from 1; null if it is not known
 */
export function notValid(kind: string, why: string, line: number | null): ConfigError {
  const told = withoutQuotes(withoutTags(printable(why)));
  const place = line === null ? "" : ` (line ${line})`;
  return new ConfigError(`not valid ${kind}: ${told}${place}`);
}

/**
 * Why a module could not be loaded. Errors that its author throws are repeated; those of the
 * language and its parser only without the parts that quote the module.
 */
export function moduleFailure(error: unknown): string {
  const first = firstOf(error);
  if (!(first instanceof Error)) return firstLine(first);
  if (first.name === "BuildMessage") return withoutWords(withoutQuotes(firstLine(first)));
  return LANGUAGE.has(first.name) ? first.name : firstLine(first);
}

/** The place of an error for the end of a message: ` (line 3)`; empty if it is not known. */
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

/**
 * Keeps a single character in quotes, and drops everything else from a quote to the last of its
 * kind.
 */
function withoutQuotes(text: string): string {
  return text.replace(/(["'])(.)\1|(["'`]).+\3/g, (quoted, single) =>
    single === undefined ? "…" : quoted,
  );
}

/** Drops YAML tags (`unknown tag !<…>`) and the names of aliases, which may contain quotes. */
function withoutTags(text: string): string {
  return text.replace(/!<.*>|(?<=(?:characters|malformed): |^unidentified alias ).*/, "…");
}

/** Drops words that stand without quotes: `Unexpected foo`. */
function withoutWords(text: string): string {
  return text.replace(/^(Unexpected|.* but found) (?!end of file$|…)(?=.*\w).*$/, "$1 …");
}
