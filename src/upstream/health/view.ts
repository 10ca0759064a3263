import type { Address } from "../../base/address.ts";
import type { CheckOptions, EjectionOptions } from "./check-options.ts";
import type { HealthState, HealthStatus } from "./monitor.ts";
import type { ProbeResult } from "./probe.ts";

/** An upstream whose health is monitored. */
export interface CheckedUpstream {
  /** A unique name; a reload keeps the health of an upstream that keeps its name. */
  readonly name: string;
  readonly address: Address;
  /** How to check it; null: no checks, so only failed dials count against it. */
  readonly check: CheckOptions | null;
  /** When failed dials eject it; null: never. */
  readonly ejection: EjectionOptions | null;
  /**
   * The current addresses of its name, each checked separately. Null if the upstream is checked as
   * a whole: it is not a name, its addresses are unknown, or checks go elsewhere.
   */
  readonly hosts: readonly string[] | null;
}

/** What is known about one address of an upstream's name. */
export interface AddressView {
  /** A literal address. */
  readonly address: string;
  /** `unknown`: no check has finished yet. */
  readonly health: HealthState | "unknown";
  /** DNS still lists it. If not, it serves until an address that DNS lists is well. */
  readonly isCurrent: boolean;
  readonly lastCheck: HealthView["lastCheck"];
}

/**
 * What is known about one upstream's health, for a page or a list. Times are those of the clock.
 */
export interface HealthView {
  readonly name: string;
  readonly status: HealthStatus;
  /** What its checks say, ejected or not. */
  readonly state: HealthState;
  /** It is up, and a check has confirmed it. */
  readonly hasPassed: boolean;
  /** When it got this status. */
  readonly sinceMs: number;
  /** When its ejection ends; null when there is none. */
  readonly ejectedUntilMs: number | null;
  /** The addresses that are checked separately; none if it is checked as a whole. */
  readonly addresses: readonly AddressView[];
  /**
   * The last finished check; of several addresses, one that agrees with `state`. Null before the
   * first.
   */
  readonly lastCheck: (ProbeResult & { readonly atMs: number }) | null;
}
