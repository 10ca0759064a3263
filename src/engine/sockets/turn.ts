import { Count } from "../../counts/figures.ts";

/** An object that defers work to the end of the turn. */
export interface Deferred {
  /** The turn ends: do the deferred work. */
  turnEnded(): void;
}

/**
 * If the last turn had at least this many events, sends wait for the end of this one. With fewer
 * events waiting saves almost nothing and costs latency.
 */
const BUSY_EVENTS = 8;

/**
 * Events that pass unmeasured between two measured turns while it is quiet. The two numbers
 * alternate: with only one, every measurement might begin at the last event of a busy turn.
 */
const SKIPPED_EVENTS = [7, 4] as const;

/** After a whole turn of at least this many events the next may be busy, so it is measured too. */
const NEARLY_BUSY_EVENTS = 4;

/**
 * One pass of Bun's loop: everything between two waits for the kernel.
 *
 * Bun does not report its passes. So the first event of a pass calls `setImmediate`, which runs
 * after all events of the pass. That costs as much as a small send, so while it is quiet only a
 * sample of the turns is measured, and nothing is deferred in the others.
 *
 * Many small messages become cheap if all sends of a busy turn follow all its receives: each send
 * wakes the process at the other end, which on a busy machine takes the CPU away from ringway. Sent
 * together they find that process awake (bench/FINDINGS.md, 2026-11-23).
 */
export class Turn {
  /** The last turn had many events, so sends are deferred. */
  busy = false;
  /** This turn is measured: `end` will run. */
  private open = false;
  private firstEvent = 0;
  /** Turns with events: those measured, and an estimate of the others. */
  private turns = 0;
  /** Events of the last measured turn. */
  private lastEvents = 1;
  /** Events since then that belong to no measured turn. */
  private skipped = 0;
  /** Events to skip before the next turn is measured. */
  private skip = 0;
  private deferred: Deferred[] = [];
  private spare: Deferred[] = [];
  private readonly end = () => {
    this.open = false;
    const events = this.events - this.firstEvent;
    this.busy = events >= BUSY_EVENTS;
    // Skipped events may have belonged to this turn, so the next one is measured as a whole.
    const least = this.skipped === 0 ? NEARLY_BUSY_EVENTS : 2;
    this.skip = events >= least ? 0 : SKIPPED_EVENTS[this.skip === SKIPPED_EVENTS[0] ? 1 : 0];
    this.turns += 1 + this.skipped / events;
    this.lastEvents = events;
    this.skipped = 0;
    this.counts[Count.turns] = this.turns;
    const due = this.deferred;
    // What is deferred from here on belongs to the next turn.
    this.deferred = this.spare;
    this.spare = due;
    for (const item of due) item.turnEnded();
    due.length = 0;
  };

  /** @param counts figures by {@link Count}, in which it counts turns and events */
  constructor(private readonly counts: Float64Array) {}

  /** Events of all turns. */
  private get events(): number {
    return this.counts[Count.events] as number;
  }

  /** Counts an event of a socket or a listener. */
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

  /** Calls `turnEnded` once, at the end of this turn. Only if it is busy and has had an event. */
  defer(item: Deferred): void {
    this.deferred.push(item);
  }
}
