import * as form from "./forms.ts";
import { formatDuration } from "./quantity.ts";
import { routeDefaults, routeRules, routeWords } from "./route.ts";
import { settingsBy } from "./schema-value.ts";

const setting = settingsBy(routeRules);

/** Who decides about connections, beside the policy. */
export const routeSettings = {
  route: setting(
    "route",
    form.off,
    "In TypeScript: a function that chooses an upstream, labels or refuses a connection.",
    "off",
  ),
  routeTimeout: setting(
    "routeTimeout",
    form.duration(),
    "It has to answer in this time, 1ms…10s.",
    formatDuration(routeDefaults.timeoutMs),
  ),
  routeFailure: setting(
    "routeFailure",
    form.words(routeWords.routeFailure),
    "What becomes of connections for which it fails: relayed as without it, or refused.",
    routeDefaults.failure,
  ),
};
