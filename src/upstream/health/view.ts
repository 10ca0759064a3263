import type { Address } from "../../base/address.ts";
import type { CheckOptions, EjectionOptions } from "./check-options.ts";
import type { HealthState, HealthStatus } from "./monitor.ts";
import type { ProbeResult } from "./probe.ts";

/** An upstream whose health is looked after. */
export interface CheckedUpstream {
  /** What it is known by, unique; its state is kept over a reload by this name. */
  readonly name: string;
  readonly address: Address;
  /** How it is checked; null: not at all, so that only dials speak against it. */
  readonly check: CheckOptions | null;
  /** When failed dials eject it; null: never. */
  readonly ejection: EjectionOptions | null;
  /**
   * The addresses that its name has now, each of which is checked by itself; null where it is checked
   * as a whole, as it is no name, as nobody knows its addresses, or as checks go somewhere else.
   */
  readonly hosts: readonly string[] | null;
}

/** What is known of one address of an upstream's name. */
export interface AddressView {
  /** A literal one. */
  readonly address: string;
  /** `unknown`: no check has been there yet. */
  readonly health: HealthState | "unknown";
  /** Whether DNS names it still; if not, it serves until one that DNS names is well. */
  readonly isCurrent: boolean;
  readonly lastCheck: HealthView["lastCheck"];
}

/** What is known of one upstream's health, for a page or a list. Times are those of the clock. */
export interface HealthView {
  readonly name: string;
  readonly status: HealthStatus;
  /** What its checks say, whether it is ejected or not. */
  readonly state: HealthState;
  /** It is up, and a check has said so. */
  readonly hasPassed: boolean;
  /** When it got this status. */
  readonly sinceMs: number;
  /** When its ejection ends; null when there is none. */
  readonly ejectedUntilMs: number | null;
  /** The addresses that are checked by themselves; none where it is checked as a whole. */
  readonly addresses: readonly AddressView[];
  /** The last check that is over, of several addresses one that agrees; null when there was none yet. */
  readonly lastCheck: (ProbeResult & { readonly atMs: number }) | null;
}
