import * as v from "valibot";
import * as form from "./forms.ts";
import { formatDuration } from "./quantity.ts";
import { routeDefaults, routeRules, routeWords } from "./route.ts";
import { value } from "./schema-value.ts";

/** Who decides about connections, beside the policy. */
export const routeSettings = {
  route: v.optional(
    value(
      routeRules.route,
      form.off,
      "In TypeScript: a function that chooses an upstream, labels or refuses a connection.",
      "off",
    ),
  ),
  routeTimeout: v.optional(
    value(
      routeRules.routeTimeout,
      form.duration(),
      "It has to answer in this time, 1ms…10s.",
      formatDuration(routeDefaults.timeoutMs),
    ),
  ),
  routeFailure: v.optional(
    value(
      routeRules.routeFailure,
      form.words(routeWords.routeFailure),
      "What becomes of connections for which it fails: relayed as without it, or refused.",
      routeDefaults.failure,
    ),
  ),
};
