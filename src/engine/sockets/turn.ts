/** Whatever puts something off to the end of the turn. */
export interface Deferred {
  /** The turn ends: do it now. */
  turnEnded(): void;
}

/**
 * Events that the turn before must have had for sends to wait for the end of this one. Below that,
 * nearly nothing is gained and the wait is paid by somebody's latency.
 */
const BUSY_EVENTS = 8;

/**
 * One pass of Bun's loop: everything between two waits for the kernel.
 *
 * Bun says nothing about its passes, so the first event of one asks for a `setImmediate`, which runs
 * when all events of the pass were handled.
 *
 * Sending all small chunks of a busy turn together, after all receives, is what makes a chatty load
 * cheap: each send wakes the process at the other end, and on a busy machine that process takes the
 * processor from us; sent together they meet it awake (bench/FINDINGS.md, 2026-11-23).
 */
export class Turn {
  /** Turns that had events. */
  count = 0;
  /** Events of all turns. */
  events = 0;
  /** The turn before had many events: it pays to send together. */
  busy = false;
  private open = false;
  private firstEvent = 0;
  private deferred: Deferred[] = [];
  private spare: Deferred[] = [];
  private readonly end = () => {
    this.open = false;
    this.busy = this.events - this.firstEvent >= BUSY_EVENTS;
    const due = this.deferred;
    // What is put off from here on belongs to the next turn.
    this.deferred = this.spare;
    this.spare = due;
    for (const item of due) item.turnEnded();
    due.length = 0;
  };

  /** Something happened on a socket or a listener. */
  event(): void {
    this.events++;
    if (this.open) return;
    this.open = true;
    this.count++;
    this.firstEvent = this.events - 1;
    setImmediate(this.end);
  }

  /** Calls `turnEnded` once, at the end of this turn; an event of it must be going on. */
  defer(item: Deferred): void {
    this.deferred.push(item);
  }
}
