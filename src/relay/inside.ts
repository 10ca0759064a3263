import type { Reason } from "../base/reason.ts";

/**
 * One side of a relay that is no socket: what the relay sends there is taken by an owner in this thread, and what the
 * owner gives is received by the relay. Entry, limits, TLS, dials, drains and figures of such a relay are those of
 * any other.
 *
 *     client ◄──► relay ◄──► inside ◄──► owner ◄──► inside ◄──► relay ◄──► upstream
 *
 * Made by: a carrier. Once it is closed, no call has any effect.
 */
export interface Inside {
  /** The relay receives what is given now. */
  readonly isWanted: boolean;
  /** All that was given has been sent on. */
  readonly isDelivered: boolean;
  /** Why the relay ends; null while it runs. */
  readonly reason: Reason | null;
  /** The relay has reached its other end. */
  readonly wasConnected: boolean;
  /**
   * Gives bytes to the relay, which copies what it keeps.
   *
   * @returns how many it took. For the rest, wait for {@link InsideOwner.wanted}
   */
  give(bytes: Uint8Array): number;
  /** The owner takes bytes again, after it has taken fewer than it was shown. */
  takeOn(): void;
  /** No more bytes are given: FIN. */
  giveEnd(): void;
  /** Ends the relay with a FIN to its other side. What is not delivered is lost. */
  retire(reason: Reason): void;
  /** Ends the relay now, with a reset. */
  cut(reason: Reason): void;
}

/** Takes what a relay sends to a side that is no socket. Every call may come from within a call to the {@link Inside}. */
export interface InsideOwner {
  /**
   * The relay sends these bytes, which are valid during the call.
   *
   * @returns how many are taken. After fewer than all, the owner calls {@link Inside.takeOn} later
   */
  take(bytes: Uint8Array): number;
  /** The relay receives again. */
  wanted(): void;
  /** The relay has sent FIN. */
  finished(): void;
  /** The relay is over. */
  closed(): void;
}
