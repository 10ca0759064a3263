import { type Clock, systemClock } from "../base/clock.ts";
import type { Reason } from "../base/reason.ts";
import type { DialOptions } from "../config/options.ts";

/** Interval of the checks for room: relays of other workers end without notice. */
const LOOK_MS = 20;
/** Pause between two tries of a relay that could reach no upstream; doubled each time. */
const BACKOFF_MS = 50;
const BACKOFF_MAX_MS = 1_000;

/** A relay that may wait. Only the waiting room writes to it. */
export interface Waiter {
  /** When it began to wait, on the monotonic clock, and how often it has waited. */
  waitsSince: number | null;
  waits: number;
  /** It waits now. */
  isWaiting: boolean;
  /** How often it has tried all upstreams again because none had answered. */
  retries: number;
  /** Why its last dial failed; null before the first. */
  readonly lastFailure: Reason | null;
  /** If it wants one certain upstream: whether that is full. Null if it may go to any. */
  readonly isFullThere: boolean | null;
  /** Whether its dials and waits may take more time. */
  readonly hasTime: boolean;
  /** Tries all upstreams again; it may return to the waiting room at once. */
  dialAgain(): void;
  /** It got no upstream in time. */
  notDialed(reason: Reason): void;
}

/** Counts waiting relays: one begins to wait (1) or no longer waits (−1). */
export interface WaitCount {
  waits(change: 1 | -1): void;
}

/** How a relay waits. */
interface Wait {
  readonly count: WaitCount;
  /** It waits for room at an upstream, not for an upstream that can be reached. */
  readonly isQueued: boolean;
  /** It waits for one certain upstream: no other relay queues behind it. */
  readonly isStrict: boolean;
  /** The longest time that it may wait for room, since it began to wait. */
  readonly queueMs: number;
  /** When it may try again. */
  readonly nextTry: number;
}

/**
 * The relays of a listener that have no upstream yet, because all are full (a bounded queue) or
 * none can be reached (clients are held until one is back, or try again a few times). One alarm
 * serves all of them, in their order. While relays wait for room no new relay gets any: see
 * {@link hasQueue}.
 *
 * Owner: a listener, and later the ones that replace it, so that a reload keeps the queue.
 */
export class WaitingRoom<T extends Waiter> {
  private readonly waiting = new Map<T, Wait>();
  private queued = 0;
  /** Relays that wait for room at one certain upstream. */
  private queuedStrict = 0;
  /** The next regular look is scheduled; an immediate one is scheduled, as there is room. */
  private isArmed = false;
  private isCalled = false;

  /** @param isFull whether upstreams can be reached, but none of them has room */
  constructor(
    private readonly isFull: () => boolean,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Relays wait for room: new ones have to queue behind them. */
  get hasQueue(): boolean {
    return this.queued > 0;
  }

  /**
   * Lets a relay wait, as there is no upstream for it now.
   *
   * @param options of its listener
   * @param count of its listener, as the room may outlive that
   * @returns why it may not wait; null if it waits
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

  /** A relay no longer waits. */
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

  /** A relay of this worker has left its upstream: checks for room now. */
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

  /** Lets relays go on in order while there is room. */
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

  /** Ends a relay's wait: it dials again, unless its time has run out. */
  private goOn(relay: T, isQueued: boolean): void {
    this.delete(relay);
    if (isQueued && !relay.hasTime) relay.notDialed("queue_timeout");
    else relay.dialAgain();
  }

  private look(): void {
    this.isArmed = false;
    const now = this.clock.now();
    for (const [relay, { isQueued, queueMs, nextTry }] of this.waiting) {
      // Checked for each relay, as those before it may have taken the last room.
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

/** Why a relay without an upstream ends. Held ones get one reason, whatever failed. */
function unreached(relay: Waiter, options: DialOptions): Reason {
  return wasHeld(relay, options) ? "hold_timeout" : (relay.lastFailure ?? "no_upstream");
}

/** Whether a relay was held because no upstream could be reached. */
export function wasHeld(
  { waitsSince }: Pick<Waiter, "waitsSince">,
  { holdMs }: Pick<DialOptions, "holdMs">,
): boolean {
  return holdMs > 0 && waitsSince !== null;
}

/** Whether dialling all upstreams again may help: one was dialled, and retries are left. */
function mayRetry({ lastFailure, retries, hasTime }: Waiter, options: DialOptions): boolean {
  return lastFailure !== null && hasTime && retries < options.retries;
}

/** A pause that is up to a quarter shorter, so that relays do not all retry together. */
function spread(pauseMs: number): number {
  return pauseMs * (1 - Math.random() / 4);
}

/** The next pause, with jitter, so that clients of one upstream do not all come at once. */
function backoff(waits: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** waits) * (0.75 + Math.random() / 2);
}
