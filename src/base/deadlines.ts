/**
 * Items that each wait for the same span of time: the relays that dial, those that are half-closed.
 *
 * As the span is the same for all, the order of adding is the order of expiry: a Map in insertion
 * order and one timer for its first entry are enough, whatever the number of items; adding and
 * removing cost a hash lookup and no timer of their own.
 */
export class Deadlines<T> {
  private readonly expiries = new Map<T, number>();
  private readonly spanMs: number;
  private readonly wake = new Wake();

  /**
   * @param spanMs milliseconds from adding to expiry, at least 1
   * @param onExpired called once per expired item, which is no longer waiting then
   * @param alarm what calls back after a time: a loop that never returns to Bun's has its own
   */
  constructor(
    spanMs: number,
    private readonly onExpired: (item: T) => void,
    private readonly alarm: Alarm = timerAlarm,
  ) {
    this.spanMs = timerSpan(spanMs);
  }

  /** Items that wait. */
  get size(): number {
    return this.expiries.size;
  }

  /** The one that waits for the longest time; undefined when there is none. */
  get first(): T | undefined {
    return this.expiries.keys().next().value;
  }

  /** Starts the item's time, anew if it was waiting already. */
  add(item: T): void {
    this.expiries.delete(item);
    this.expiries.set(item, performance.now() + this.spanMs);
    this.wake.waiting = this;
    if (!this.wake.isArmed) this.arm(this.spanMs);
  }

  /** Ends the item's time, if it was waiting. */
  delete(item: T): void {
    this.expiries.delete(item);
    if (this.expiries.size === 0) this.wake.waiting = null;
  }

  /** The alarm's time has come. */
  expire(): void {
    // The alarm counts as set while items expire, so that one that is added meanwhile does not.
    const now = performance.now();
    for (const [item, expiry] of this.expiries) {
      if (expiry > now) {
        this.arm(Math.ceil(expiry - now));
        return;
      }
      this.delete(item);
      this.onExpired(item);
    }
    this.wake.isArmed = false;
  }

  private arm(delayMs: number): void {
    setAlarm(this.alarm, delayMs, this.wake);
  }
}

/**
 * What an alarm holds of its deadlines: them only while something waits. Alarms cannot be taken back,
 * and a listener's old options, which a reload has replaced, must not live as long as the longest one.
 */
class Wake {
  isArmed = false;
  waiting: { expire(): void } | null = null;
}

/** Its function sees the wake and nothing of the deadlines. */
function setAlarm(alarm: Alarm, delayMs: number, wake: Wake): void {
  wake.isArmed = true;
  alarm(delayMs, () => {
    if (wake.waiting === null) wake.isArmed = false;
    else wake.waiting.expire();
  });
}

/** Calls a function once, in this thread, when so many milliseconds are over. */
export type Alarm = (delayMs: number, call: () => void) => void;

/** By a timer of Bun's event loop. */
export const timerAlarm: Alarm = (delayMs, call) => {
  // A deadline alone is no reason for a process to go on: what it watches is.
  setTimeout(call, delayMs).unref();
};

/** A span that setTimeout understands: it takes anything from 2^31 milliseconds (25 days) on for 1. */
export function timerSpan(milliseconds: number): number {
  return Math.min(Math.max(0, milliseconds), 2 ** 31 - 1);
}
