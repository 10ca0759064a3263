import type { ListenerOptions } from "../../config/options.ts";
import { type Alarm, Deadlines } from "../deadlines.ts";
import type { Conduit } from "./conduit.ts";

/** Milliseconds between two looks at whether a kernel has sent the last bytes before a reset. */
const LINGER_LOOK_MS = 10;

/** Milliseconds without progress after which a relay with a reset end is given up. */
const STALL_TIMEOUT_MS = 2_000;

/** One address that is accepted on, with the timeouts of its relays. */
export class Listener {
  /** Relays whose upstream has not answered yet. */
  readonly dialing: Deadlines<Conduit>;
  /** Relays of which one source has ended. */
  readonly halfClosed: Deadlines<Conduit>;
  /** Relays of which one end was reset. */
  readonly wasReset: Deadlines<Conduit>;
  /** Relays whose last bytes must leave the kernel before their target is reset. */
  readonly lingering: Deadlines<Conduit>;
  /** The kernel has an operation that accepts. */
  armed = false;
  private upstreamTurn = 0;

  /** @param descriptor listens; closed by whoever closes this */
  constructor(
    readonly options: ListenerOptions,
    readonly descriptor: number,
    alarm: Alarm,
    onDialTimeout: (conduit: Conduit) => void,
  ) {
    this.dialing = new Deadlines(options.connectTimeoutMs, onDialTimeout, alarm);
    this.halfClosed = new Deadlines<Conduit>(
      options.halfCloseTimeoutMs,
      (conduit) => {
        if (conduit.stalled()) conduit.terminate("half_close_timeout");
        else this.halfClosed.add(conduit);
      },
      alarm,
    );
    this.wasReset = new Deadlines<Conduit>(
      STALL_TIMEOUT_MS,
      (conduit) => {
        if (conduit.stalled()) conduit.terminate(conduit.relay.reason ?? "client_reset");
        else this.wasReset.add(conduit);
      },
      alarm,
    );
    this.lingering = new Deadlines<Conduit>(LINGER_LOOK_MS, (one) => one.linger(), alarm);
  }

  /** Which upstream the next relay starts with: each in turn. */
  nextUpstream(): number {
    return this.upstreamTurn++;
  }

  /** A relay is over: it waits for nothing any more. */
  forget(conduit: Conduit): void {
    this.dialing.delete(conduit);
    this.halfClosed.delete(conduit);
    this.wasReset.delete(conduit);
    this.lingering.delete(conduit);
  }
}
