import type { DialOptions } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import { type Alarm, timerAlarm } from "./deadlines.ts";

/** How often is looked for those that wait: relays of other workers end without a word. */
const LOOK_MS = 20;
/** Between two tries for a relay that could reach none: doubled from the first to the last. */
const BACKOFF_MS = 50;
const BACKOFF_MAX_MS = 1_000;

/** A relay that may wait. */
export interface Waiter {
  /** When it began to wait, on the monotonic clock, and how often it has; the room's own. */
  waitsSince: number | null;
  waits: number;
  /** Why its last dial has failed; null before the first. */
  readonly lastFailure: Reason | null;
  /** Whether its dials and waits may take more time. */
  readonly hasTime: boolean;
  /** Looks anew for an upstream, tried or not; it may come back at once. */
  dialAgain(): void;
  /** There was none in time. */
  notDialed(reason: Reason): void;
}

/**
 * The relays of a listener that have no upstream yet: all are full (a queue, with a bound), or none
 * can be reached (clients are held while it starts again). They are looked after together, in their
 * order, with one alarm, however many there are.
 *
 * Owner: a listener.
 */
export class WaitingRoom<T extends Waiter> {
  /** With when each may try again. */
  private readonly waiting = new Map<T, number>();
  private isArmed = false;

  /** @param isFull whether there are upstreams that could be reached, and none of them has room */
  constructor(
    private readonly options: DialOptions,
    private readonly isFull: () => boolean,
    private readonly alarm: Alarm = timerAlarm,
  ) {}

  /**
   * Lets a relay wait for which there is no upstream now.
   *
   * @returns null when it waits; else why it cannot
   */
  add(relay: T): Reason | null {
    const isFull = this.isFull();
    const { queueMs, queueMax, holdMs } = this.options;
    const patience = isFull ? queueMs : holdMs;
    if (patience === 0) return isFull ? "upstreams_full" : unreached(relay);
    const now = performance.now();
    relay.waitsSince ??= now;
    const until = relay.waitsSince + patience;
    if (now >= until || !relay.hasTime) return isFull ? "queue_timeout" : unreached(relay);
    if (isFull && this.waiting.size >= queueMax) return "queue_full";
    this.waiting.set(relay, isFull ? now : Math.min(until, now + backoff(relay.waits++)));
    if (!this.isArmed) this.arm();
    return null;
  }

  /** A relay does not wait any more. */
  delete(relay: T): void {
    this.waiting.delete(relay);
  }

  private arm(): void {
    this.isArmed = true;
    this.alarm(LOOK_MS, () => this.look());
  }

  private look(): void {
    const now = performance.now();
    for (const [relay, nextTry] of this.waiting) {
      // Asked anew for each: those before it may have taken the last room.
      const isFull = this.isFull();
      const isLate = isFull && now >= (relay.waitsSince ?? 0) + this.options.queueMs;
      if (!isLate && (isFull || now < nextTry)) continue;
      this.waiting.delete(relay);
      if (isLate) relay.notDialed("queue_timeout");
      else relay.dialAgain();
    }
    this.isArmed = false;
    if (this.waiting.size > 0) this.arm();
  }
}

function unreached({ lastFailure }: Waiter): Reason {
  return lastFailure ?? "no_upstream";
}

/** Clients that wait for the same upstream must not all come at once. */
function backoff(waits: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** waits) * (0.75 + Math.random() / 2);
}
