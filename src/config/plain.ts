import { ConfigError } from "../base/error.ts";
import { type Environment, fillIn } from "./environment.ts";
import { formatPath, type Path } from "./keys.ts";
import { isSecret } from "./secrets.ts";

/** Stands where a value was that nothing can be made of, which has been told. */
export const broken: unique symbol = Symbol("broken");

/** Most tables and lists within each other; more is no configuration, or goes round in circles. */
const DEPTH_MAX = 16;
/** Most values of a document, counted anew wherever YAML or a module uses one again. */
const VALUES_MAX = 100_000;

/** Keys that no table has and that are copied still, to be told with all else that is wrong there. */
const STRAYS_MAX = 200;

/** Names that objects have a meaning of their own for, so that they are no keys. */
const reserved: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** What is found on the way. */
export interface Findings {
  /** @param why a sentence that begins with the value */
  wrong(path: Path, why: string): void;
  /** A key that no table has. */
  unknown(path: Path): void;
  /** Another such key, after so many that it is enough to count it. */
  more(): void;
}

/**
 * A copy of what a parser or a module gave, of tables without a prototype, lists and other values
 * only, in which environment variables are filled in. Keys without a value are left out.
 *
 * @param environment null leaves texts as they are
 * @param isKnown whether any table has a key of this name
 * @throws ConfigError with one sentence for what is too large or too deep to be a configuration
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
      throw new ConfigError(`${formatPath(path.slice(0, 3))} goes too deep for a configuration`);
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

/** Whether a value is keys with values; lists, dates and objects of classes are not. */
export function isTable(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
