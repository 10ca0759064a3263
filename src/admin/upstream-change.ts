import { ConfigError } from "../base/error.ts";
import { isTable } from "../config/plain.ts";
import { duration, type Rule, refuse, wholeNumber, word } from "../config/rule.ts";
import { WEIGHT_MAX } from "../config/table/table.ts";
import type { AdminState } from "../control/upstream-view.ts";

/** A requested change of an upstream. */
export interface UpstreamChange {
  readonly state?: AdminState;
  /** null: the configured one. */
  readonly weight?: number | null;
  /** Its relays have this many milliseconds to end. */
  readonly withinMs?: number;
}

const states: readonly AdminState[] = ["ready", "drain", "maintenance"];

const rules: { readonly [key: string]: Rule<Partial<UpstreamChange>> } = {
  state: (value) => ({ state: word(states)(value) }),
  weight: (value) => ({ weight: weight(value) }),
  within: (value) => ({ withinMs: duration("0…24h")(value) }),
};

/** Reads a weight; null, or `configured` in a shell, is the configured one. */
function weight(value: unknown): number | null {
  if (value === null || value === "configured") return null;
  const number = wholeNumber(value);
  if (number <= WEIGHT_MAX) return number;
  return refuse(value, `a whole number of 0…${WEIGHT_MAX} or configured`);
}

/** Reads the body of a request. @throws ConfigError with everything that is wrong */
export function readUpstreamChange(body: unknown): UpstreamChange {
  if (!isTable(body)) throw new ConfigError("expected an object with state, weight or within");
  const problems: string[] = [];
  let change: UpstreamChange = {};
  for (const [key, value] of Object.entries(body)) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule === undefined) {
      problems.push(`${JSON.stringify(key)}: expected state, weight or within`);
      continue;
    }
    try {
      change = { ...change, ...rule(value) };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(`${key} ${error.message}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  if (change.withinMs !== undefined && (change.state ?? "ready") === "ready") {
    throw new ConfigError("within: expected with state drain or maintenance");
  }
  return change;
}
