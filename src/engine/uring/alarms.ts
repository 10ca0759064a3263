import { type Clock, systemClock } from "../../base/clock.ts";

/** A call that is due at a time of the monotonic clock. */
interface Due {
  readonly at: number;
  readonly call: () => void;
}

/**
 * Timers for a loop that has only its own wait. There are few of them (one per kind of deadline),
 * so a sorted list is enough.
 */
export class Alarms implements Clock {
  readonly alarm = (delayMs: number, call: () => void): void => this.set(delayMs, call);
  private readonly list: Due[] = [];

  now(): number {
    return systemClock.now();
  }

  wall(): number {
    return systemClock.wall();
  }

  /** Calls `call` once, in `delayMs` milliseconds. */
  set(delayMs: number, call: () => void): void {
    const at = this.now() + delayMs;
    let place = this.list.length;
    while (place > 0 && (this.list[place - 1] as Due).at > at) place--;
    this.list.splice(place, 0, { at, call });
  }

  /** Microseconds until the next call is due, at least 0; Infinity if there is none. */
  get nextMicros(): number {
    const [first] = this.list;
    return first === undefined ? Infinity : Math.max(0, (first.at - this.now()) * 1e3);
  }

  /** Calls everything that is due. */
  run(): void {
    while (this.list.length > 0) {
      const [first] = this.list;
      if (first === undefined || first.at > this.now()) return;
      this.list.shift();
      first.call();
    }
  }
}
