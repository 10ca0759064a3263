import { ConfigError } from "../base/error.ts";
import { formatPath, type Path } from "./keys.ts";
import { notValid } from "./parser-failure.ts";

/** The tokens of valid JSON that locate a key: texts (keys have a colon), brackets and commas. */
const TOKENS = /"(?:[^"\\]+|\\.)*"(\s*:)?|[{}[\],]/g;

/** A table or a list around the current token. */
interface Level {
  /** The keys of a table so far; null for a list. */
  readonly keys: Set<string> | null;
  step: string | number;
}

/**
 * Reads JSON and refuses a key that a table has twice, which is most likely a mistake: `JSON.parse`
 * silently takes the last one.
 *
 * @throws ConfigError for such a key, and for text that is no JSON
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The parser's stack overflows.
    if (error instanceof RangeError)
      throw new ConfigError("is nested too deeply for a configuration");
    const [, why = ""] = /^(?:JSON Parse error: )?(.*)/.exec((error as Error).message) ?? [];
    throw notValid("JSON", why, null);
  }
  const path = keyGivenTwice(text);
  if (path === null) return value;
  throw new ConfigError(`the key ${formatPath(path)} is given twice`);
}

/** @param text valid JSON @returns the path of the second such key; null if there is none */
function keyGivenTwice(text: string): Path | null {
  const levels: Level[] = [];
  for (const [token, colon] of text.matchAll(TOKENS)) {
    const level = levels.at(-1);
    if (token === "{") levels.push({ keys: new Set(), step: "" });
    else if (token === "[") levels.push({ keys: null, step: 0 });
    else if (token === "}" || token === "]") levels.pop();
    else if (token === "," && typeof level?.step === "number") level.step++;
    else if (colon !== undefined && level !== undefined) {
      const key = JSON.parse(token.slice(0, -colon.length)) as string;
      level.step = key;
      if (level.keys?.has(key)) return levels.map(({ step }) => step);
      level.keys?.add(key);
    }
  }
  return null;
}
