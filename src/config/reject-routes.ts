import { formatAddress } from "../base/address.ts";
import { describe } from "../base/error.ts";
import type { GivenUpstream, ListenerGroup } from "./settings.ts";
import type { Problems } from "./sourced.ts";

/** Routes lead to upstreams of their own listener, and a sink has none. */
export function rejectRoutes(groups: readonly ListenerGroup[], problems: Problems): void {
  for (const { settings, upstreams } of groups) {
    const { routes, helloTimeout, mode } = settings;
    const isOn = routes?.value !== undefined && (routes.value === null || routes.value.length > 0);
    if (helloTimeout !== undefined && !isOn) problems.add(helloTimeout, "needs routes");
    if (routes === undefined || routes.value === null || !isOn) continue;
    if (mode?.value === "sink") {
      problems.add(routes, "contradicts mode sink, which has no upstream: leave one of them out");
      continue;
    }
    const known = new Set(upstreams.map(nameOf));
    for (const [index, route] of routes.value.entries()) {
      const stray = route.upstreams?.find((one) => !known.has(one));
      if (stray === undefined || upstreams.some(({ value }) => value === null)) continue;
      const why = `${describe(stray)}: expected one of the listener's upstreams`;
      problems.add({ label: `${routes.label}[${index}].upstreams` }, why);
    }
  }
}

function nameOf({ value }: GivenUpstream): string {
  return value === null ? "" : formatAddress(value);
}
