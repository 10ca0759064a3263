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

/** That of Bun's event loop. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  alarm(delayMs, call) {
    // A deadline alone is no reason for a process to go on: what it watches is.
    setTimeout(call, delayMs).unref();
  },
};
