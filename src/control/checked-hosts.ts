import type { Address } from "../base/address.ts";
import { ipKind } from "../base/ip.ts";
import { type CheckOptions, checkedAddress } from "../upstream/health/check-options.ts";
import type { AddressView } from "../upstream/health/checker.ts";
import { isName } from "../upstream/names/ask.ts";
import type { HostAddress } from "../upstream/names/resolver.ts";

/** Returns the known addresses of a name. */
interface Known {
  readonly known: (name: string) => readonly string[];
}

/**
 * The most addresses of a name that are checked and so may get relays; the same as for services.
 */
const CHECKED_MAX = 256;

/** The addresses of an upstream to check one by one; null if it is checked as a whole. */
export function hostsToCheck(
  upstream: Address,
  check: CheckOptions | null,
  names: Known,
): readonly string[] | null {
  if (check === null || !isName(upstream)) return null;
  const checked = checkedAddress(upstream, check);
  // A check of another host says nothing about this one's addresses.
  if (checked.kind !== "tcp" || checked.host !== upstream.host) return null;
  const hosts = names.known(upstream.host).slice(0, CHECKED_MAX);
  return hosts.length === 0 ? null : hosts;
}

/**
 * The healthy addresses of a name: current ones in the system's order, then those that it had
 * before.
 */
export function wellAmong(
  addresses: readonly HostAddress[],
  hosts: readonly string[],
): readonly HostAddress[] {
  const well = new Set(hosts);
  const current = addresses.filter(({ host }) => well.has(host));
  const known = new Set(current.map(({ host }) => host));
  const others = hosts.flatMap((host) => {
    const family = ipKind(host);
    return known.has(host) || family === 0 ? [] : [{ host, family }];
  });
  return [...current, ...others];
}

/** The addresses of an upstream: those that are checked one by one, otherwise all of its name. */
export function addressViews(
  upstream: Address,
  checked: readonly AddressView[],
  names: Known,
): readonly AddressView[] {
  if (!isName(upstream)) return [];
  if (checked.length > 0) return checked;
  return names.known(upstream.host).map((host) => {
    return { address: host, health: "unknown", isCurrent: true, lastCheck: null };
  });
}
