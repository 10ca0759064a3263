import type { Address } from "../base/address.ts";
import { ipKind } from "../base/ip.ts";
import { type CheckOptions, checkedAddress } from "../upstream/health/check-options.ts";
import type { AddressView } from "../upstream/health/checker.ts";
import { isName } from "../upstream/names/ask.ts";
import type { HostAddress } from "../upstream/names/resolver.ts";

/** Who knows the addresses of names. */
interface Known {
  readonly known: (name: string) => readonly string[];
}

/** Addresses of a name that are checked, and so may get relays: as many as places of a service. */
const CHECKED_MAX = 256;

/** The addresses by which an upstream is checked; null where that is not done by address. */
export function hostsToCheck(
  upstream: Address,
  check: CheckOptions | null,
  names: Known,
): readonly string[] | null {
  if (check === null || !isName(upstream)) return null;
  const checked = checkedAddress(upstream, check);
  // Of what is known of another host nothing follows for this one's addresses.
  if (checked.kind !== "tcp" || checked.host !== upstream.host) return null;
  const hosts = names.known(upstream.host).slice(0, CHECKED_MAX);
  return hosts.length === 0 ? null : hosts;
}

/** Those of a name that are well, in the system's order, and behind them those that it had before. */
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

/** The addresses of an upstream: those that are checked by themselves, or else all that its name has. */
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
