import type { Clock } from "../../base/clock.ts";
import type { OnDefect } from "./bun-socket.ts";

/** After a pass with several requests, so many passes with one are ended like those with several. */
const CROWDED_PASSES = 16;
/** Two requests in a shorter time than this, in milliseconds, come from a crowd. */
const CROWD_MS = 0.05;

/** What is done at the end of a pass. */
interface Flushed {
  /** Requests that wait to be sent. */
  readonly unsent: number;
  collects(): boolean;
  flush(sendsRequests?: boolean): void;
}

/**
 * When an exchange sends what has come, on Bun's loop: with a crowd of clients at the end of the pass, and of further
 * passes as long as they bring more; else as soon as Bun's callback is over, since waiting for the end of a pass costs
 * as much as a small send.
 *
 * Owner: an engine.
 */
export class ExchangeTurns {
  private passesLeft = 0;
  private lastAt = 0;
  private readonly atOnce = () => {
    const now = this.clock.now();
    if (now - this.lastAt < CROWD_MS) this.passesLeft = CROWDED_PASSES;
    this.lastAt = now;
    this.guarded(() => this.exchange.flush());
  };
  private readonly atEnd = () => {
    this.passesLeft = this.exchange.unsent > 1 ? CROWDED_PASSES : this.passesLeft - 1;
    this.guarded(() => {
      const collects = this.exchange.collects();
      this.exchange.flush(!collects);
      if (collects) setImmediate(this.atEnd);
    });
  };

  constructor(
    private readonly exchange: Flushed,
    private readonly clock: Pick<Clock, "now">,
    private readonly onDefect: OnDefect,
  ) {}

  /** Something has come: it is sent soon. Called once until then. */
  begin(): void {
    if (this.passesLeft > 0) setImmediate(this.atEnd);
    else queueMicrotask(this.atOnce);
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.onDefect(error as Error);
    }
  }
}
