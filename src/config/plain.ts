import { ConfigError } from "../base/error.ts";
import { type Environment, fillIn } from "./environment.ts";
import { formatPath, type Path } from "./keys.ts";
import { isSecret } from "./secrets.ts";

/** Stands for a value that could not be read, which has been reported. */
export const broken: unique symbol = Symbol("broken");

/**
 * The most levels of tables and lists; a document with more is no configuration, or has a cycle.
 */
const DEPTH_MAX = 16;
/** The most values of a document. A value that YAML or a module uses twice counts twice. */
const VALUES_MAX = 100_000;

/** How many unknown keys are copied, and so reported in place; further ones are only counted. */
const STRAYS_MAX = 200;

/** Names that mean something to objects, so they cannot be keys. */
const reserved: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** Receives what {@link plain} finds. */
export interface Findings {
  /** @param why a sentence that begins with the value */
  wrong(path: Path, why: string): void;
  /** A key that no table has. */
  unknown(path: Path): void;
  /** Another unknown key, after {@link STRAYS_MAX}. */
  more(): void;
}

/**
 * Copies what a parser or a module returned, and fills in environment variables. The copy has only
 * tables without a prototype, lists and other values. Keys without a value are left out.
 *
 * @param environment null leaves texts unchanged
 * @param isKnown whether any table has a key of this name
 * @throws ConfigError with one sentence if it is too large or too deep for a configuration
 */
export function plain(
  content: unknown,
  environment: Environment | null,
  findings: Findings,
  isKnown: (key: string) => boolean,
): unknown {
  let count = 0;
  let strays = 0;
  const copy = (value: unknown, path: Path): unknown => {
    if (++count > VALUES_MAX) throw new ConfigError("has too many values for a configuration");
    if (path.length > DEPTH_MAX) {
      const where = formatPath(path.slice(0, 3));
      throw new ConfigError(`${where} is nested too deeply for a configuration`);
    }
    if (typeof value === "string" && environment !== null) return filled(value, path);
    if (Array.isArray(value)) return value.map((item, index) => copy(item, [...path, index]));
    return isTable(value) ? copyTable(value, path) : value;
  };
  const filled = (text: string, path: Path): unknown => {
    try {
      return fillIn(text, environment ?? {}, path.some(isSecret));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      findings.wrong(path, error.message);
      return broken;
    }
  };
  const copyTable = (table: object, path: Path): unknown => {
    const copied: Record<string, unknown> = Object.create(null);
    for (const [key, value] of Object.entries(table)) {
      if (reserved.has(key)) findings.unknown([...path, key]);
      else if (!isKnown(key) && ++strays > STRAYS_MAX) findings.more();
      else if (value !== undefined) copied[key] = copy(value, [...path, key]);
    }
    return copied;
  };
  return copy(content, []);
}

/** Whether a value is a plain object: no list, date or instance of a class. */
export function isTable(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
