import { type Clock, systemClock } from "../base/clock.ts";
import type { Reason } from "../base/reason.ts";
import type { DialOptions } from "../config/options.ts";

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
  /** It waits now; the room's own. */
  isWaiting: boolean;
  /** How often it has tried all of them anew as nobody had answered; the room's own. */
  retries: number;
  /** Why its last dial has failed; null before the first. */
  readonly lastFailure: Reason | null;
  /**
   * Of one that wants a certain upstream and no other: whether that has no room; null for one that may
   * go to any.
   */
  readonly isFullThere: boolean | null;
  /** Whether its dials and waits may take more time. */
  readonly hasTime: boolean;
  /** Looks anew for an upstream, tried or not; it may come back at once. */
  dialAgain(): void;
  /** There was none in time. */
  notDialed(reason: Reason): void;
}

/** Where relays that wait are counted: one begins to (1), or does not any more (−1). */
export interface WaitCount {
  waits(change: 1 | -1): void;
}

/** How a relay waits. */
interface Wait {
  /** Where that is counted. */
  readonly count: WaitCount;
  /** For room at an upstream, and not for one that can be reached. */
  readonly isQueued: boolean;
  /** At a certain upstream: nobody else waits behind it. */
  readonly isStrict: boolean;
  /** So long for room at most, since it began to wait. */
  readonly queueMs: number;
  /** When it may try again. */
  readonly nextTry: number;
}

/**
 * The relays of a listener that have no upstream yet: all are full (a queue, with a bound), or none
 * can be reached (clients are held while it starts again, or try again a few times). They are looked after together, in their
 * order, with one alarm, however many there are. As long as some wait for room nobody else gets any:
 * {@link hasQueue}.
 *
 * Owner: a listener, and those that take its place: a queue is not begun anew by a reload.
 */
export class WaitingRoom<T extends Waiter> {
  private readonly waiting = new Map<T, Wait>();
  private queued = 0;
  /** Those who wait for room at a certain upstream. */
  private queuedStrict = 0;
  /** The next look is due some time; the next one for room is due now. */
  private isArmed = false;
  private isCalled = false;

  /** @param isFull whether there are upstreams that could be reached, and none of them has room */
  constructor(
    private readonly isFull: () => boolean,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Some wait for room: whoever comes now comes after them. */
  get hasQueue(): boolean {
    return this.queued > 0;
  }

  /**
   * Lets a relay wait for which there is no upstream now.
   *
   * @param options those of its listener
   * @param count its listener's: this room may be several listeners', one after the other
   * @returns null when it waits; else why it cannot
   */
  add(relay: T, options: DialOptions, count: WaitCount): Reason | null {
    const { queueMs, queueMax, holdMs } = options;
    const isStrict = relay.isFullThere !== null;
    const isBehind = !isStrict && relay.waitsSince === null && this.hasQueue;
    const isQueued = this.isFullFor(relay) || isBehind;
    const patience = isQueued ? queueMs : holdMs;
    const now = this.clock.now();
    const until = (relay.waitsSince ?? now) + patience;
    const isOver = now >= until || !relay.hasTime;
    let nextTry = now;
    if (isQueued) {
      if (isOver) return queueMs === 0 ? "upstreams_full" : "queue_timeout";
      if (this.queued + this.queuedStrict >= queueMax) return "queue_full";
    } else if (!isOver) {
      nextTry = Math.min(until, now + backoff(relay.waits++));
    } else if (mayRetry(relay, options)) {
      relay.retries++;
      nextTry = now + spread(options.retryPauseMs);
    } else {
      return unreached(relay, options);
    }
    relay.waitsSince ??= now;
    const wait = { count, isQueued, isStrict, queueMs, nextTry };
    this.waiting.set(relay, wait);
    relay.isWaiting = true;
    count.waits(1);
    this.count(wait, 1);
    this.arm();
    return null;
  }

  /** A relay does not wait any more. */
  delete(relay: T): void {
    const wait = this.waiting.get(relay);
    if (wait === undefined) return;
    this.waiting.delete(relay);
    relay.isWaiting = false;
    wait.count.waits(-1);
    this.count(wait, -1);
  }

  private count({ isQueued, isStrict }: Wait, change: 1 | -1): void {
    if (isQueued && isStrict) this.queuedStrict += change;
    else if (isQueued) this.queued += change;
  }

  private isFullFor({ isFullThere }: T): boolean {
    return isFullThere ?? this.isFull();
  }

  /** A relay of this worker has left its upstream: who waits for room need not wait for a look. */
  roomMade(): void {
    if (this.queued + this.queuedStrict === 0 || this.isCalled) return;
    this.isCalled = true;
    this.clock.alarm(0, () => this.serve());
  }

  private arm(): void {
    if (this.isArmed) return;
    this.isArmed = true;
    this.clock.alarm(LOOK_MS, () => this.look());
  }

  /** Lets the first ones go on, as far as there is room: there may be some now. */
  serve(): void {
    this.isCalled = false;
    for (const [relay, { isQueued }] of this.waiting) {
      if (!isQueued) continue;
      if (this.isFullFor(relay)) {
        if (this.queuedStrict === 0) return;
        continue;
      }
      this.goOn(relay, isQueued);
    }
  }

  /** It need not wait any more. Whose time was over before there was room has waited in vain. */
  private goOn(relay: T, isQueued: boolean): void {
    this.delete(relay);
    if (isQueued && !relay.hasTime) relay.notDialed("queue_timeout");
    else relay.dialAgain();
  }

  private look(): void {
    this.isArmed = false;
    const now = this.clock.now();
    for (const [relay, { isQueued, queueMs, nextTry }] of this.waiting) {
      // Asked anew for each: those before it may have taken the last room.
      const isFull = this.isFullFor(relay);
      const isOver = now >= (relay.waitsSince ?? 0) + queueMs || !relay.hasTime;
      if (isFull && isOver) {
        this.delete(relay);
        relay.notDialed(queueMs === 0 ? "upstreams_full" : "queue_timeout");
      } else if (!isFull && now >= nextTry) this.goOn(relay, isQueued);
    }
    if (this.waiting.size > 0) this.arm();
  }
}

/** Why one ends that no upstream could be found for: one word for all that were held, whatever failed. */
function unreached(relay: Waiter, options: DialOptions): Reason {
  return wasHeld(relay, options) ? "hold_timeout" : (relay.lastFailure ?? "no_upstream");
}

/** Whether a relay has been held for want of an upstream that can be reached. */
export function wasHeld(
  { waitsSince }: Pick<Waiter, "waitsSince">,
  { holdMs }: Pick<DialOptions, "holdMs">,
): boolean {
  return holdMs > 0 && waitsSince !== null;
}

/** Whether somebody was dialled, so that dialling anew may help, and how often it has helped nothing. */
function mayRetry({ lastFailure, retries, hasTime }: Waiter, options: DialOptions): boolean {
  return lastFailure !== null && hasTime && retries < options.retries;
}

/** A pause that is up to a quarter shorter: what fails together must not come again together. */
function spread(pauseMs: number): number {
  return pauseMs * (1 - Math.random() / 4);
}

/** Clients that wait for the same upstream must not all come at once. */
function backoff(waits: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** waits) * (0.75 + Math.random() / 2);
}
