import { formatAddress } from "../base/address.ts";
import { describe } from "../base/error.ts";
import { isCoveredBy } from "../base/host-name-table.ts";
import type { NameRoute } from "../entry/tls-hello/route.ts";
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

/** What `ringway check` warns of in the routes of a listener, as sentences. */
export function routeWarnings(
  listener: string,
  routes: readonly NameRoute[],
  upstreams: readonly { readonly name: string; readonly weight: number }[],
): string[] {
  if (routes.length === 0) return [];
  const of = ({ upstreams: those }: NameRoute) =>
    upstreams.filter(({ name }) => those === null || those.includes(name));
  const open = routes.filter(({ isRefused }) => !isRefused);
  const unused = upstreams.filter((one) => !open.some((route) => of(route).includes(one)));
  return [
    ...open
      .filter((route) => of(route).every(({ weight }) => weight === 0))
      .map(({ label }) => `no upstream of route ${label} of ${listener} has a weight above 0`),
    ...unused.map(({ name }) => `no route of ${listener} leads to upstream ${name}`),
    ...shadowed(routes).map(
      ([name, wildcard, label]) =>
        `${name} of ${listener} is covered by ${wildcard}, which leads to the same upstreams: ` +
        `route ${label} may leave it out`,
    ),
  ];
}

/** Names for which a wildcard does the same. */
function shadowed(routes: readonly NameRoute[]): [name: string, wildcard: string, label: string][] {
  const target = ({ upstreams, isRefused, alpn }: NameRoute) =>
    JSON.stringify([upstreams?.toSorted() ?? null, isRefused, alpn.toSorted()]);
  const wildcards = routes.flatMap((route) =>
    route.names.flatMap((name) => (name.startsWith("*.") ? [{ name, route }] : [])),
  );
  return routes.flatMap((route) =>
    route.names.flatMap((name) => {
      // The wildcard that would take the name: the longest one that covers it.
      const [next] = wildcards
        .filter((one) => isCoveredBy(name, one.name))
        .sort((one, other) => other.name.length - one.name.length);
      if (next === undefined || target(next.route) !== target(route)) return [];
      return [[name, next.name, route.label] as [string, string, string]];
    }),
  );
}
