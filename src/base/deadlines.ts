import { type Clock, systemClock, timerSpan } from "../base/clock.ts";

/**
 * Items that all wait for the same span of time, such as dialing or half-closed relays.
 *
 * Because the span is the same, items expire in the order of adding: a Map in insertion order and
 * one timer for its first entry are enough. Adding and removing cost a hash lookup.
 */
export class Deadlines<T> {
  private readonly expiries = new Map<T, number>();
  private readonly wake = new Wake();

  /**
   * @param spanMs milliseconds from adding to expiry, at least 1
   * @param onExpired called once per expired item, which no longer waits then
   */
  constructor(
    private readonly spanMs: number,
    private readonly onExpired: (item: T) => void,
    private readonly clock: Clock = systemClock,
  ) {}

  /** The number of waiting items. */
  get size(): number {
    return this.expiries.size;
  }

  /** The item that has waited longest; undefined if none waits. */
  get first(): T | undefined {
    return this.expiries.keys().next().value;
  }

  /** Starts an item's time; restarts it if the item already waits. */
  add(item: T): void {
    this.expiries.delete(item);
    this.expiries.set(item, this.clock.now() + this.spanMs);
    this.wake.waiting = this;
    if (!this.wake.isArmed) this.arm(this.spanMs);
  }

  /** Removes an item, if it waits. */
  delete(item: T): void {
    this.expiries.delete(item);
    if (this.expiries.size === 0) this.wake.waiting = null;
  }

  /** The alarm's time has come. */
  expire(): void {
    // The alarm counts as set while items expire, so that adding one does not set another alarm.
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
    // A span that setTimeout cannot wait for takes several alarms.
    setAlarm(this.clock, timerSpan(delayMs), this.wake);
  }
}

/**
 * An alarm's reference to its deadlines, set only while an item waits. Alarms cannot be cancelled,
 * and must not keep a listener's old options alive after a reload.
 */
class Wake {
  isArmed = false;
  waiting: { expire(): void } | null = null;
}

/** A function of its own, so that its closure has only the wake, not the deadlines. */
function setAlarm(clock: Clock, delayMs: number, wake: Wake): void {
  wake.isArmed = true;
  clock.alarm(delayMs, () => {
    if (wake.waiting === null) wake.isArmed = false;
    else wake.waiting.expire();
  });
}
