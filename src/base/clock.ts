/** Calls a function once, in this thread, when so many milliseconds are over. */
export type Alarm = (delayMs: number, call: () => void) => void;

/**
 * All time that there is for whoever has it: what the hour is, and who is called later. It is handed in, so that a
 * test, a simulation, and a loop that never returns to Bun's have one of their own.
 */
export interface Clock {
  /** Milliseconds on the monotonic clock of this thread. */
  now(): number;
  /** Milliseconds since 1970, as the machine's clock shows them now: the same in all threads. */
  wall(): number;
  readonly alarm: Alarm;
}

/** The time of an event loop, where what was asked for can be taken back. */
export interface LoopClock {
  /** See {@link Clock.now}. */
  now(): number;
  /**
   * Calls a function once when so many milliseconds are over, unless it is taken back before.
   *
   * @returns takes it back
   */
  after(delayMs: number, call: () => void): () => void;
}

/** All time of an event loop that may end when nothing holds it. */
export interface ProcessClock extends Clock, LoopClock {
  /** As {@link LoopClock.after}, and the process goes on until then. */
  hold(delayMs: number, call: () => void): () => void;
}

/** That of Bun's event loop. But for {@link ProcessClock.hold} what waits is no reason for a process to go on. */
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

/** A span that setTimeout understands: it takes anything from 2^31 milliseconds (25 days) on for 1. */
export function timerSpan(milliseconds: number): number {
  return Math.min(Math.max(0, milliseconds), 2 ** 31 - 1);
}
