import { type Clock, systemClock, timerSpan } from "../../base/clock.ts";
import type { Running } from "../running.ts";
import { Drain } from "./drain.ts";
import { type Droppable, Dropping, type Selection } from "./dropping.ts";

/** What may be one of those that a stop cuts. */
export type Endable = Droppable & Pick<Running, "reason">;

/**
 * How an engine's relays end when somebody wants that: selected ones, and at a stop all of them.
 *
 * Owner: an engine, which tells of each relay that begins and that has ended.
 */
export class Ending<T extends Endable> {
  /** Relays that still ran when a stop's time was over. */
  cutCount = 0;
  private readonly dropping: Dropping<T>;
  private drain: Drain<T> | null = null;
  private cutsAt = Infinity;
  private isOver = false;

  /**
   * @param running the relays that run
   * @param onOver a stop's time is over: whatever else there is goes, too
   * @param clock its time
   */
  constructor(
    private readonly running: ReadonlySet<T>,
    private readonly onOver: () => void,
    private readonly clock: Clock = systemClock,
  ) {
    this.dropping = new Dropping(clock);
  }

  /** See {@link Engine.drop}. */
  drop(selection: Selection, withinMs: number | null): void {
    if (withinMs === null) this.dropping.spare(selection);
    else this.dropping.drop(this.running, selection, timerSpan(withinMs));
  }

  /**
   * Ends all relays, and those that are still to come, within a time. Another call can only shorten it.
   *
   * @param withinMs 0 for now
   */
  stop(withinMs: number): void {
    const spanMs = timerSpan(withinMs);
    const cutsAt = this.clock.now() + spanMs;
    if (cutsAt >= this.cutsAt) return;
    this.cutsAt = cutsAt;
    if (spanMs === 0) {
      this.cutAll();
      return;
    }
    this.clock.alarm(spanMs, () => this.cutAll());
    if (this.drain === null) this.drain = new Drain(this.running, spanMs, this.clock);
    else this.drain.limit(spanMs);
  }

  /** A relay has begun. */
  begun(relay: T): void {
    if (this.isOver && this.running.has(relay)) this.cut(relay);
    else this.drain?.begun();
  }

  /** A relay has ended. */
  ended(relay: T): void {
    this.dropping.ended(relay);
    this.drain?.ended(relay);
  }

  private cutAll(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const relay of this.running) this.cut(relay);
    this.onOver();
  }

  private cut(relay: T): void {
    // One with a reason ends already.
    if (relay.reason === null) this.cutCount++;
    relay.terminate("drain");
  }
}
