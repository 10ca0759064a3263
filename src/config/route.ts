import type { Route } from "../edge/route/connection.ts";
import type { RouteOptions } from "./options.ts";
import { duration, refuse, type ValuesOf, word } from "./rule.ts";
import type { Sources } from "./sourced.ts";

const failures: readonly RouteOptions["failure"][] = ["relay", "refuse"];

/** The rules of who decides about connections. A function is no text, so that none of it is a flag. */
export const routeRules = {
  route,
  routeTimeout: duration(1, 10_000, "1ms…10s"),
  routeFailure: word(failures),
};

export const routeWords = { routeFailure: failures } as const;

/** What the rules make of these settings. */
export type RouteValues = ValuesOf<typeof routeRules>;

/** What a function has unless something else is given. */
export const routeDefaults: Omit<RouteOptions, "hook"> = { timeoutMs: 100, failure: "relay" };

/** Puts together what was given; null when there is no function. */
export function routeOf(given: Sources<RouteValues>): RouteOptions | null {
  const hook = given.route?.value ?? null;
  if (hook === null) return null;
  return {
    hook,
    timeoutMs: given.routeTimeout?.value ?? routeDefaults.timeoutMs,
    failure: given.routeFailure?.value ?? routeDefaults.failure,
  };
}

/** A function; null for none, where those at the top are not meant. */
function route(value: unknown): Route | null {
  if (value === "off" || value === false) return null;
  if (typeof value === "function") return value as Route;
  return refuse(value, "a function, which a configuration in TypeScript can have, or off");
}
