import { type Clock, systemClock, timerSpan } from "../../base/clock.ts";
import type { Running } from "../running.ts";
import { Drain } from "./drain.ts";
import { type Droppable, Dropping, type Selection } from "./dropping.ts";

/** The part of a relay that {@link Ending} uses. */
export type Endable = Droppable & Pick<Running, "reason">;

/**
 * Ends relays on request: selected ones, or all of them at a stop.
 *
 * Owner: an engine, which reports each relay that begins or ends.
 */
export class Ending<T extends Endable> {
  /** Relays that were cut at the end of a stop's time. */
  cutCount = 0;
  private readonly dropping: Dropping<T>;
  private drain: Drain<T> | null = null;
  private cutsAt = Infinity;
  private isOver = false;

  /** @param onOver called when a stop's time is over */
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

  /** Ends all relays, future ones included, within a time that later calls may only shorten. */
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
    // A relay with a reason is already ending.
    if (relay.reason === null) this.cutCount++;
    relay.terminate("drain");
  }
}
