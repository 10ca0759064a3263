import { type Address, formatAddress } from "../base/address.ts";
import type { HealthOptions, ListenerOptions, UpstreamOptions } from "../config/options.ts";
import type { ProxyEvent } from "../relay/events.ts";
import { checkedAddress } from "../upstream/health/check-options.ts";

/**
 * An upstream's state as set by an administrator: `drain` keeps new relays away, and `maintenance`
 * also stops checks.
 */
export type AdminState = "ready" | "drain" | "maintenance";

/** One upstream of one listener. */
export interface Entry {
  readonly key: string;
  /** The listener's home; see {@link homesOf}. */
  readonly home: string;
  listener: string;
  options: UpstreamOptions;
  health: HealthOptions;
  state: AdminState;
  /** When {@link state} was set. */
  stateSince: number;
  /** Set by an administrator; null for the configured one. */
  weight: number | null;
  /** When it came up again, during slow start; otherwise null. */
  risingSince: number | null;
  /** It joins healthy upstreams, so it gets no relays before a check has succeeded. */
  joinsOthers: boolean;
  /** False while only a reload in progress wants it: it counts for nothing and is not shown. */
  isHeld: boolean;
  /** Events to report as soon as it is held. */
  readonly untold: ProxyEvent[];
}

/** The key of an upstream, which does not depend on its listener's name. */
export function keyOf(home: string, upstream: Address): string {
  return `${home} → ${formatAddress(upstream)}`;
}

/** The health options of an upstream: its own, otherwise its listener's. */
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

/** The addresses to dial and to check. */
export function placesOf({ options: { address }, health: { check } }: Entry): Address[] {
  return check === null ? [address] : [address, checkedAddress(address, check)];
}

/** An upstream's weight: the administrator's, otherwise the configured one. */
export function weightOf({ weight, options }: Entry): number {
  return weight ?? options.weight;
}

/** Whether configuration and administrator let it have relays. */
export function isWanted(entry: Entry): boolean {
  return entry.state === "ready" && weightOf(entry) > 0;
}

/** The mirrors of listeners. */
export function mirrorsOf(listeners: readonly ListenerOptions[]): Address[] {
  return listeners.flatMap(({ mirror }) => (mirror === null ? [] : [mirror.address]));
}
