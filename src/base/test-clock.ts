import { type Alarm, type Clock, systemClock } from "../base/clock.ts";

/**
 * A clock that stands still until it is told to go on, for what asks `performance.now` and sets
 * alarms. It is the time of the whole process until it is put away: `using clock = new TestClock()`.
 */
export class TestClock implements Clock, Disposable {
  private time = 1_000;
  private calls: { readonly at: number; readonly call: () => void }[] = [];
  private readonly realNow = performance.now;

  constructor() {
    performance.now = () => this.time;
  }

  now(): number {
    return this.time;
  }

  wall(): number {
    return this.time;
  }

  /** Calls that are still to come. */
  get alarmCount(): number {
    return this.calls.length;
  }

  readonly alarm: Alarm = (delayMs, call) => {
    this.calls.push({ at: this.time + delayMs, call });
  };

  /** Lets so much time pass, with every alarm at its time, in their order. */
  pass(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const [next] = this.calls.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.calls = this.calls.filter((one) => one !== next);
      this.time = next.at;
      next.call();
    }
    this.time = until;
  }

  [Symbol.dispose](): void {
    performance.now = this.realNow;
  }
}

/** The real time, with alarms of a test. */
export function clockWith(alarm: Alarm): Clock {
  return { ...systemClock, alarm };
}
