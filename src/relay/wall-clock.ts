import { type Clock, systemClock } from "../base/clock.ts";

/** Milliseconds by which both clocks may differ by rounding and by reading one after the other. */
const TOLERANCE_MS = 20;

/** What the wall clock shows when the monotonic one of this thread shows 0. */
let offsetMs = systemClock.wall() - systemClock.now();

/**
 * What the wall clock shows at a moment of this thread's monotonic clock, by which all times are kept: in
 * milliseconds since 1970, as the wall clock goes now. It may be set at any time, and what is told from then
 * on has to agree with everything else that is told on this machine. As long as nobody sets it one moment
 * always gets the same time.
 *
 * @param monotonicMs as {@link Clock.now} said
 */
export function wallTime(monotonicMs: number, clock: Clock = systemClock): number {
  const now = clock.wall() - clock.now();
  if (Math.abs(now - offsetMs) > TOLERANCE_MS) offsetMs = now;
  return offsetMs + monotonicMs;
}
