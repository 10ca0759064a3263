import type { ListenerAccount } from "./ledger/account.ts";
import type { Running } from "./running.ts";

/** Where what runs is known: limits, drains and figures are the same for every kind. */
export interface KindHost<R extends Running> {
  /** Something begins to run. @returns its number */
  begins(running: R, account: ListenerAccount): number;
}

/** What becomes of a client that was accepted. Owner: an engine. */
export interface Kind<R extends Running, Listener> {
  /** What it is called. */
  readonly name: string;
  /**
   * A client was accepted: something runs for it from now on, or is over already.
   *
   * @param connection as the carrier accepts it
   */
  accepted(connection: unknown, listener: Listener, host: KindHost<R>): R;
  /** It is over, and nothing of it is left. */
  over(running: R): void;
}
