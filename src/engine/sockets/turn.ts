import { Count } from "../../counts/figures.ts";

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
 * While it is quiet, so many events go by before a turn is measured, in turn one number and the
 * other: with a single one, a measurement might always begin at the last event of busy turns.
 */
const SKIPPED_EVENTS = [7, 4] as const;

/** A whole turn of so many events may be followed by a busy one: the next is measured too. */
const NEARLY_BUSY_EVENTS = 4;

/**
 * One pass of Bun's loop: everything between two waits for the kernel.
 *
 * Bun says nothing about its passes, so the first event of one asks for a `setImmediate`, which runs
 * when all events of the pass were handled. That costs as much as a small send; so while it is quiet
 * only a sample is measured, and nothing can be put off.
 *
 * Sending all small chunks of a busy turn together, after all receives, is what makes a chatty load
 * cheap: each send wakes the process at the other end, and on a busy machine that process takes the
 * processor from us; sent together they meet it awake (bench/FINDINGS.md, 2026-11-23).
 */
export class Turn {
  /** The turn before had many events: it pays to send together. */
  busy = false;
  /** This turn is measured: its end is asked for. */
  private open = false;
  private firstEvent = 0;
  /** Turns that had events, as far as they were measured, and an estimate of the others. */
  private turns = 0;
  /** The size of the turn that was measured last. */
  private lastEvents = 1;
  /** Events since then that belong to no measured turn. */
  private skipped = 0;
  /** So many of them before the next turn is measured. */
  private skip = 0;
  private deferred: Deferred[] = [];
  private spare: Deferred[] = [];
  private readonly end = () => {
    this.open = false;
    const events = this.events - this.firstEvent;
    this.busy = events >= BUSY_EVENTS;
    // Where events were skipped they may have been of this turn too: the next is measured whole.
    const least = this.skipped === 0 ? NEARLY_BUSY_EVENTS : 2;
    this.skip = events >= least ? 0 : SKIPPED_EVENTS[this.skip === SKIPPED_EVENTS[0] ? 1 : 0];
    this.turns += 1 + this.skipped / events;
    this.lastEvents = events;
    this.skipped = 0;
    this.counts[Count.turns] = this.turns;
    const due = this.deferred;
    // What is put off from here on belongs to the next turn.
    this.deferred = this.spare;
    this.spare = due;
    for (const item of due) item.turnEnded();
    due.length = 0;
  };

  /** @param counts where it counts turns (estimated where it was quiet) and events, by {@link Count} */
  constructor(private readonly counts: Float64Array) {}

  /** Events of all turns. */
  private get events(): number {
    return this.counts[Count.events] as number;
  }

  /** Something happened on a socket or a listener. */
  event(): void {
    (this.counts[Count.events] as number)++;
    if (this.open) return;
    if (this.skipped < this.skip) {
      this.skipped++;
      this.counts[Count.turns] = this.turns + this.skipped / this.lastEvents;
      return;
    }
    this.open = true;
    this.firstEvent = this.events - 1;
    setImmediate(this.end);
  }

  /** Calls `turnEnded` once, at the end of this turn; only after an event of a busy one. */
  defer(item: Deferred): void {
    this.deferred.push(item);
  }
}
