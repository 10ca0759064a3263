/** Calls a function once, in this thread, after this many milliseconds. */
export type Alarm = (delayMs: number, call: () => void) => void;

/**
 * The time, and calls at a later time. Code gets its clock as a parameter, so that tests, the
 * simulation and a loop that never returns to Bun's have their own.
 */
export interface Clock {
  /** Milliseconds on the monotonic clock of this thread. */
  now(): number;
  /** Milliseconds since 1970 by the machine's clock: the same in all threads. */
  wall(): number;
  readonly alarm: Alarm;
}

/** A clock whose calls can be cancelled. */
export interface LoopClock {
  /** See {@link Clock.now}. */
  now(): number;
  /**
   * Calls a function once after this many milliseconds, unless it is cancelled before.
   *
   * @returns cancels the call
   */
  after(delayMs: number, call: () => void): () => void;
}

/** The clock of an event loop that ends when nothing keeps it alive. */
export interface ProcessClock extends Clock, LoopClock {
  /** Like {@link LoopClock.after}, and keeps the process alive until then. */
  hold(delayMs: number, call: () => void): () => void;
}

/** The clock of Bun's event loop. Only {@link ProcessClock.hold} keeps the process alive. */
export const systemClock: ProcessClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  alarm(delayMs, call) {
    setTimeout(call, delayMs).unref();
  },
  after(delayMs, call) {
    const timer = setTimeout(call, timerSpan(delayMs)).unref();
    return () => clearTimeout(timer);
  },
  hold(delayMs, call) {
    const timer = setTimeout(call, timerSpan(delayMs));
    return () => clearTimeout(timer);
  },
};

/** Limits a span for setTimeout, which takes 2^31 milliseconds (25 days) and more for 1. */
export function timerSpan(milliseconds: number): number {
  return Math.min(Math.max(0, milliseconds), 2 ** 31 - 1);
}
