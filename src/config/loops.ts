import { formatAddress } from "./address.ts";
import { components } from "./components.ts";
import type { ListenerGroup } from "./listeners.ts";
import type { Address, UpstreamAddress } from "./options.ts";
import type { Problems, Sourced } from "./sourced.ts";

/** An upstream or a mirror that is a listener of the proxy itself. */
interface Hop {
  readonly from: ListenerGroup;
  readonly upstream: Address;
  readonly label: string;
  readonly listener: Address;
  readonly to: ListenerGroup;
}

/**
 * Tells upstreams whose relays come back to where they started: they would dial on until no
 * descriptor is left. So would copies to a mirror. A listener may relay to another one that relays elsewhere.
 */
export function rejectLoops(groups: readonly ListenerGroup[], problems: Problems): void {
  const hops = hopsOf(groups);
  const next = new Map<ListenerGroup, ListenerGroup[]>();
  for (const { from, to } of hops) {
    const others = next.get(from);
    if (others === undefined) next.set(from, [to]);
    else others.push(to);
  }
  const circles = components(next);
  for (const { from, upstream, label, listener, to } of hops) {
    // Relays come back exactly when both lead to each other.
    if (circles.get(from) !== circles.get(to)) continue;
    const which = from === to ? " itself" : ", which relays back to this one";
    const names = `"${formatAddress(upstream)}" is the listener ${formatAddress(listener)}`;
    problems.add({ label }, `${names}${which}: relays would loop`);
  }
}

function hopsOf(groups: readonly ListenerGroup[]): Hop[] {
  const listeners = new Map<string, { listener: Address; to: ListenerGroup }[]>();
  for (const to of groups) {
    for (const { value: listener } of to.listen) {
      if (listener === null) continue;
      const key = placeOf(listener);
      const others = listeners.get(key);
      if (others === undefined) listeners.set(key, [{ listener, to }]);
      else others.push({ listener, to });
    }
  }
  return groups.flatMap((from) =>
    targetsOf(from).flatMap(({ value: upstream, label }) => {
      // Where a service is shows only when DNS is asked.
      if (upstream === null || upstream === "none" || upstream.kind === "service") return [];
      const near = listeners.get(placeOf(upstream)) ?? [];
      const found = near.find(({ listener }) => reaches(upstream, listener));
      return found === undefined ? [] : [{ from, upstream, label, ...found }];
    }),
  );
}

/** Whether who dials this upstream may come to this listener, as far as their addresses tell. */
export function isListener(upstream: Address, listener: Address): boolean {
  return placeOf(upstream) === placeOf(listener) && reaches(upstream, listener);
}

/** Wherever relays of a group go, and copies of them. */
function targetsOf({
  upstreams,
  settings: { mirror },
}: ListenerGroup): readonly Sourced<UpstreamAddress | "none">[] {
  return mirror === undefined ? upstreams : [...upstreams, mirror];
}

/** What an upstream and the listener that it reaches have in common. */
function placeOf(address: Address): string {
  return address.kind === "unix" ? formatAddress(address) : String(address.port);
}

function reaches(upstream: Address, listener: Address): boolean {
  // Unix sockets in the same place are the same.
  if (upstream.kind === "unix" || listener.kind === "unix") return true;
  if (upstream.host === listener.host) return true;
  const all = listener.host === "::" || listener.host === "0.0.0.0";
  const targets = loopbacks(upstream.host);
  return all ? targets.length > 0 : loopbacks(listener.host).some((one) => targets.includes(one));
}

/** The loopback addresses that a host may stand for on this machine. */
function loopbacks(host: string): readonly string[] {
  if (host === "localhost" || host === "::") return ["127.0.0.1", "::1"];
  if (host === "0.0.0.0") return ["127.0.0.1"];
  return host === "::1" || host.startsWith("127.") ? [host] : [];
}
