import type { Route } from "../../entry/route/connection.ts";
import { refuse } from "../rule.ts";
import { duration, functionBy, namedWord } from "./kind.ts";
import { Code, perListener } from "./setting.ts";

/** The route function. A function is no text, so none of these settings is a flag. */
export const deciding = {
  route: perListener({
    is: functionBy(route, "Route"),
    about: "A function that chooses an upstream for each connection, labels it or refuses it.",
    more: "In TypeScript only. It may be asynchronous. It runs in the main thread, so it should not take long. off turns off the function at the top for one listener.",
    initial: "off",
    at: "route.hook",
    isCode: true,
    examples: { web: new Code("({ header }) => ({ label: header?.authority })") },
  }),
  routeTimeout: perListener({
    is: duration("1ms…10s"),
    about: "The function must answer within this time.",
    initial: "100ms",
    at: "route.timeoutMs",
    isCode: true,
    needs: "route",
    examples: { web: "100ms" },
  }),
  routeFailure: perListener({
    is: namedWord(["relay", "refuse"]),
    about: "If it throws, is late or returns an invalid answer: relay as without it, or refuse.",
    initial: "relay",
    at: "route.failure",
    isCode: true,
    needs: "route",
    examples: { web: "relay" },
  }),
};

/** A function; null for off, which also turns off the one at the top. */
function route(value: unknown): Route | null {
  if (value === "off" || value === false) return null;
  if (typeof value === "function") return value as Route;
  return refuse(value, "a function, which a configuration in TypeScript can have, or off");
}
