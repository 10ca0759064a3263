import type { Reason } from "../base/reason.ts";
import type { ListenerAccount } from "./ledger/account.ts";
import type { Summary } from "./ledger/summary.ts";

/**
 * Whatever runs for a client that was accepted, of whichever kind. This is all that the control plane, limits,
 * drains, the page and metrics know of it.
 *
 * Owner: its kind.
 */
export interface Running {
  /** Its number, never used again. */
  readonly id: number;
  /** Where it is counted. */
  readonly listener: { readonly account: ListenerAccount };
  /** The row of the upstream that it counts for, in the table that all share; null for none. */
  readonly upstreamSlot: number | null;
  /** Why it ends; null while it need not. */
  readonly reason: Reason | null;
  /** Bytes that it has received and sent so far, at both ends. */
  readonly movedBytes: number;
  /** Bytes that its client has sent so far. */
  readonly clientBytes: number;
  /** Whether bytes are on their way from one end to the other: asks the kernel. */
  readonly isCarrying: boolean;
  /** Whether its client has said something that its upstream may still answer. */
  readonly awaitsAnswer: boolean;
  /** How many times in a row, this one included, it held memory of that direction and none of it moved. */
  lookStill(direction: "up" | "down"): number;
  /**
   * Gives its dial up, so that it goes on with another upstream, or ends for want of one.
   *
   * @returns false when there is none
   */
  giveUpDial(reason: Reason): boolean;
  /** Ends it in an orderly way: a FIN to both ends. */
  retire(reason: Reason): void;
  /** Ends it now, whatever it is doing. */
  terminate(reason: Reason): void;
  /** No other upstream will be dialled: what it counts is for the one that it has. */
  decided(): void;
  /** It ends without another word, as its worker has met a defect. */
  abandoned(): void;
  /** Its story until now. */
  summary(): Summary;
}
