import { type Address, formatAddress } from "../base/address.ts";
import type { HealthOptions, ListenerOptions, UpstreamOptions } from "../config/options.ts";
import type { ProxyEvent } from "../relay/events.ts";
import { checkedAddress } from "../upstream/health/check-options.ts";

/**
 * What somebody who may administer the proxy wants of an upstream: `drain` keeps new relays away, and in
 * `maintenance` nothing is found out about it either, as it may do anything.
 */
export type AdminState = "ready" | "drain" | "maintenance";

/** One upstream of one listener, whatever addresses that has. */
export interface Entry {
  readonly key: string;
  /** The listener's; see {@link homesOf}. */
  readonly home: string;
  listener: string;
  options: UpstreamOptions;
  health: HealthOptions;
  state: AdminState;
  /** When it got that. */
  stateSince: number;
  /** Set by an administrator; null for what is configured. */
  weight: number | null;
  /** When it came up again, while it starts slowly; else null. */
  risingSince: number | null;
  /** It joins others that are well, so that it gets nobody before a check has succeeded. */
  joinsOthers: boolean;
  /**
   * False as long as only a reload that is under way wants it: it counts for nothing then, and is not
   * seen by anybody.
   */
  isHeld: boolean;
  /** What there is to tell of it as soon as it holds. */
  readonly untold: ProxyEvent[];
}

/** By what an upstream is known, whatever becomes of its listener's name. */
export function keyOf(home: string, upstream: Address): string {
  return `${home} → ${formatAddress(upstream)}`;
}

/** What holds for an upstream: its own, or else its listener's. */
export function healthFor(
  { health }: ListenerOptions,
  { check, onDown }: UpstreamOptions,
): HealthOptions {
  return {
    ...health,
    check: check === undefined ? health.check : check,
    onDown: onDown === undefined ? health.onDown : onDown,
  };
}

/** Where it is dialled, and where it is checked. */
export function placesOf({ options: { address }, health: { check } }: Entry): Address[] {
  return check === null ? [address] : [address, checkedAddress(address, check)];
}

/** What it weighs: what an administrator says, or else the configuration. */
export function weightOf({ weight, options }: Entry): number {
  return weight ?? options.weight;
}

/** Somebody wants it to have relays. */
export function isWanted(entry: Entry): boolean {
  return entry.state === "ready" && weightOf(entry) > 0;
}

/** Who gets copies of what the upstreams of listeners get. */
export function mirrorsOf(listeners: readonly ListenerOptions[]): Address[] {
  return listeners.flatMap(({ mirror }) => (mirror === null ? [] : [mirror.address]));
}
