import type { ListenerAccount } from "./ledger/account.ts";
import type { Running } from "./running.ts";

/** Knows what runs, for limits, drains and figures, which are the same for every kind. */
export interface KindHost<R extends Running> {
  /** Something begins to run. @returns its number */
  begins(running: R, account: ListenerAccount): number;
}

/** Decides what runs for an accepted client. Owner: an engine. */
export interface Kind<R extends Running, Listener> {
  readonly name: string;
  /**
   * Starts what runs for an accepted client. It may be over before this returns.
   *
   * @param connection in the form in which the carrier accepts it
   */
  accepted(connection: unknown, listener: Listener, host: KindHost<R>): R;
  /** What ran for a client is over. */
  over(running: R): void;
}
