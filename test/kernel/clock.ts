/** What the wall clock shows when a test's clock shows 0. */
const EPOCH_MS = Date.UTC(2026, 0);

/** Time that passes when a test says so, in place of `performance.now()` and `Date.now()`. */
export class Clock {
  /** Milliseconds. */
  now = 1000;

  /** Lets `run` see this clock instead of the real one. */
  during<T>(run: () => T): T {
    const real = [performance.now, Date.now] as const;
    performance.now = () => this.now;
    Date.now = () => EPOCH_MS + Math.floor(this.now);
    try {
      return run();
    } finally {
      [performance.now, Date.now] = real;
    }
  }
}
