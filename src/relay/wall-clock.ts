import { type Clock, systemClock } from "../base/clock.ts";

/** Differences of the clocks up to this are rounding, or come from reading one after the other. */
const TOLERANCE_MS = 20;

/** The wall clock's time when this thread's monotonic clock shows 0. */
let offsetMs = systemClock.wall() - systemClock.now();

/**
 * Converts a time of this thread's monotonic clock, in which all times are kept, to the wall clock:
 * milliseconds since 1970. If the wall clock is set, all later conversions follow it, as other
 * programs' logs do. Until then a moment always gets the same time.
 *
 * @param monotonicMs from {@link Clock.now}
 */
export function wallTime(monotonicMs: number, clock: Clock = systemClock): number {
  const now = clock.wall() - clock.now();
  if (Math.abs(now - offsetMs) > TOLERANCE_MS) offsetMs = now;
  return offsetMs + monotonicMs;
}
