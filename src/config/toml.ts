import { ConfigError, PROBLEMS_MAX } from "../base/error.ts";
import { unknownKey } from "./keys.ts";
import { knownKeys } from "./schema.ts";

/**
 * Most of what Bun's parser compares with all that came before it, so that a megabyte of it takes a
 * minute: keys between two headers, headers, and the parts of a key.
 */
const KEYS_MAX = 2_000;
const HEADERS_MAX = 4_000;
const PARTS_MAX = 64;

/** A text that has too many keys, with the first of those that nobody knows. */
export class CrowdedError extends ConfigError {
  /** @param more how many of them are not told */
  constructor(
    problems: readonly string[],
    readonly more: number,
  ) {
    super(problems);
  }
}

/**
 * Comments, texts of all four kinds, and what tells keys and headers apart. A text without an end is
 * one, too: nothing here is tried twice.
 */
const TOKENS =
  /#[^\n]*|"""(?:[^\\]|\\[\s\S])*?(?:"""|(?![\s\S]))|'''[\s\S]*?(?:'''|(?![\s\S]))|"(?:[^"\\\n]+|\\.)*"?|'[^'\n]*'?|^[ \t]*\[|[{}=.\n]/gm;

/**
 * Reads TOML that can be read in a moment.
 *
 * @throws SyntaxError, RangeError as Bun.TOML.parse; ConfigError for a key of too many parts
 * @throws CrowdedError for what has too many keys
 */
export function parseToml(text: string): unknown {
  rejectCrowds(text);
  return Bun.TOML.parse(text);
}

function rejectCrowds(text: string): void {
  let headers = 0;
  let parts = 0;
  /** Keys of the section and of the tables in braces that are open. */
  let counts = [0];
  for (const [token] of text.matchAll(TOKENS)) {
    const last = counts.length - 1;
    if (token === "=") counts[last] = (counts[last] ?? 0) + 1;
    else if (token === "{") counts.push(0);
    else if (token === "}" && last > 0) counts.pop();
    else if (token.endsWith("[")) {
      headers++;
      counts = [0];
    }
    parts = token === "." ? parts + 1 : token === "\n" || token === "=" ? 0 : parts;
    const isCrowded = (counts.at(-1) ?? 0) > KEYS_MAX || headers > HEADERS_MAX;
    if (isCrowded) throw crowd(text);
    if (parts > PARTS_MAX) throw new ConfigError("goes too deep for a configuration");
  }
}

/** Keys at the top that no configuration has: they are what it has too many of. */
function crowd(text: string): CrowdedError {
  const [top = ""] = text.split(/^[ \t]*\[/m, 1);
  const names = Array.from(top.matchAll(/^[ \t]*([\w-]+)[ \t]*=/gm), ([, name = ""]) => name);
  const unknown = names.filter((name) => !knownKeys.top.includes(name));
  const told = unknown.slice(0, PROBLEMS_MAX - 1).map((name) => unknownKey([name], knownKeys));
  const sentences = ["has too many keys for a configuration", ...told];
  return new CrowdedError(sentences, unknown.length - told.length);
}
