import { type Clock, systemClock, timerSpan } from "../base/clock.ts";

/**
 * Items that each wait for the same span of time: the relays that dial, those that are half-closed.
 *
 * As the span is the same for all, the order of adding is the order of expiry: a Map in insertion
 * order and one timer for its first entry are enough, whatever the number of items; adding and
 * removing cost a hash lookup and no timer of their own.
 */
export class Deadlines<T> {
  private readonly expiries = new Map<T, number>();
  private readonly wake = new Wake();

  /**
   * @param spanMs milliseconds from adding to expiry, at least 1
   * @param onExpired called once per expired item, which is no longer waiting then
   * @param clock its time
   */
  constructor(
    private readonly spanMs: number,
    private readonly onExpired: (item: T) => void,
    private readonly clock: Clock = systemClock,
  ) {}

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
    this.expiries.set(item, this.clock.now() + this.spanMs);
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
    const now = this.clock.now();
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
    // A longer span is looked at in between.
    setAlarm(this.clock, timerSpan(delayMs), this.wake);
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
function setAlarm(clock: Clock, delayMs: number, wake: Wake): void {
  wake.isArmed = true;
  clock.alarm(delayMs, () => {
    if (wake.waiting === null) wake.isArmed = false;
    else wake.waiting.expire();
  });
}
