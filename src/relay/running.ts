import type { Reason } from "../base/reason.ts";
import type { ListenerAccount } from "./ledger/account.ts";
import type { Summary } from "./ledger/summary.ts";

/**
 * What runs for an accepted client, of any kind. The control plane, limits, drains, the admin page
 * and metrics know nothing more of it.
 *
 * Owner: its kind.
 */
export interface Running {
  /** Its number, never used again. */
  readonly id: number;
  readonly listener: { readonly account: ListenerAccount };
  /** The slot of the upstream that it counts for, in the shared table; null for none. */
  readonly upstreamSlot: number | null;
  /** Why it ends; null while it runs. */
  readonly reason: Reason | null;
  /** Bytes that it has received and sent so far, at both ends. */
  readonly movedBytes: number;
  /** Bytes that its client has sent so far. */
  readonly clientBytes: number;
  /** Whether bytes are on their way between the ends, the kernel's included. */
  readonly isCarrying: boolean;
  /** Whether its client has sent something that its upstream may still answer. */
  readonly awaitsAnswer: boolean;
  /** How many checks in a row, this one included, found it holding memory and moving none of it. */
  lookStill(direction: "up" | "down"): number;
  /**
   * Gives its dial up, so that it tries another upstream, or ends if there is none.
   *
   * @returns false if it does not dial
   */
  giveUpDial(reason: Reason): boolean;
  /** Ends it with a FIN to both ends. */
  retire(reason: Reason): void;
  /** Ends it now, whatever it is doing. */
  terminate(reason: Reason): void;
  /** No other upstream will be dialled: its figures count for the one that it has. */
  decided(): void;
  /** It ends without further events because its worker has met a defect. */
  abandoned(): void;
  /** Its story so far. */
  summary(): Summary;
}
