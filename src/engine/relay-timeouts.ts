import type { ListenerOptions } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import type { ListenerAccount } from "./account.ts";
import { type Alarm, Deadlines } from "./deadlines.ts";

/** Milliseconds between two looks at whether a kernel has sent the last bytes before a reset. */
const LINGER_LOOK_MS = 10;

/** Milliseconds after which a relay is worth the system calls that turn keep-alive on. */
const YOUNG_MS = 20_000;

/** Milliseconds without progress after which a relay with a reset end is given up. */
const STALL_TIMEOUT_MS = 2_000;

/** A relay, as far as time can end it. */
export interface Timed {
  readonly relay: { readonly reason: Reason | null };
  /** Whether not a byte has moved since this was asked before. */
  stalled(): boolean;
  /** Ends it now. */
  terminate(reason: Reason): void;
  /** Looks whether the last bytes before a reset have left. */
  linger(): void;
  /** From now on the kernel finds out when an end is gone without a word. */
  keepAlive(): void;
}

/** What the relays of one listener wait for, whatever the engine: a queue for each span of time. */
export class RelayTimeouts<T extends Timed> {
  /**
   * Relays too young for keep-alive, which does nothing before a minute of silence: several system
   * calls less for each relay that is over by then.
   */
  readonly young: Deadlines<T>;
  /** Relays whose upstream has not answered yet. */
  readonly dialing: Deadlines<T>;
  /** Relays of which one source has ended. */
  readonly halfClosed: Deadlines<T>;
  /** Relays of which one end was reset. */
  readonly wasReset: Deadlines<T>;
  /** Relays whose last bytes must leave the kernel before their target is reset. */
  readonly lingering: Deadlines<T>;
  private upstreamTurn = 0;

  /**
   * @param account where its relays are counted
   * @param alarm see {@link Deadlines}
   */
  constructor(
    readonly options: ListenerOptions,
    readonly account: ListenerAccount,
    onDialTimeout: (relay: T) => void,
    alarm?: Alarm,
  ) {
    const queue = (spanMs: number, onExpired: (relay: T) => void) =>
      new Deadlines<T>(spanMs, onExpired, alarm);
    this.young = queue(YOUNG_MS, (one) => one.keepAlive());
    this.dialing = queue(options.connectTimeoutMs, onDialTimeout);
    this.halfClosed = queue(options.halfCloseTimeoutMs, (one) => {
      if (one.stalled()) one.terminate("half_close_timeout");
      else this.halfClosed.add(one);
    });
    this.wasReset = queue(STALL_TIMEOUT_MS, (one) => {
      if (one.stalled()) one.terminate(one.relay.reason ?? "client_reset");
      else this.wasReset.add(one);
    });
    this.lingering = queue(LINGER_LOOK_MS, (one) => one.linger());
  }

  /** Which upstream the next relay starts with: each in turn. */
  nextUpstream(): number {
    return this.upstreamTurn++;
  }

  /** A relay is over: it waits for nothing any more. */
  forget(relay: T): void {
    this.young.delete(relay);
    this.dialing.delete(relay);
    this.halfClosed.delete(relay);
    this.wasReset.delete(relay);
    this.lingering.delete(relay);
  }
}
