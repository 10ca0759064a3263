import type { Route } from "../../entry/route/connection.ts";
import { refuse } from "../rule.ts";
import { duration, functionBy, namedWord } from "./kind.ts";
import { Code, perListener } from "./setting.ts";

/** Who decides about connections, beside the policy. A function is no text, so that none of it is a flag. */
export const deciding = {
  route: perListener({
    is: functionBy(route, "Route"),
    about: "A function that chooses an upstream for each connection, labels or refuses it.",
    more: "In TypeScript only. It runs in the program's main thread, where it should not take long, and may be asynchronous. With off, a listener does not use the one at the top.",
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
    about:
      "What happens if it throws, is late or returns nonsense: relay as without it, or refuse.",
    initial: "relay",
    at: "route.failure",
    isCode: true,
    needs: "route",
    examples: { web: "relay" },
  }),
};

/** A function; null for none, where those at the top are not meant. */
function route(value: unknown): Route | null {
  if (value === "off" || value === false) return null;
  if (typeof value === "function") return value as Route;
  return refuse(value, "a function, which a configuration in TypeScript can have, or off");
}
