/** Time that passes when a test says so, in place of `performance.now()`. */
export class Clock {
  /** Milliseconds. */
  now = 1000;

  /** Lets `run` see this clock instead of the real one. */
  during<T>(run: () => T): T {
    const real = performance.now;
    performance.now = () => this.now;
    try {
      return run();
    } finally {
      performance.now = real;
    }
  }
}
