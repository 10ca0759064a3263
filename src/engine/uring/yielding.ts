import { type Clock, systemClock } from "../../base/clock.ts";
import type { Kernel } from "./kernel.ts";

/** A yield that took longer, in milliseconds, went to a program that does not serve this proxy. */
const LATE_MS = 2;
/** Most turns without a yield after useless ones: enough that their cost is negligible. */
const VAIN_MAX = 15;
/** The same after late ones, each of which gives away a time slice. */
const LATE_MAX = 1023;

/**
 * Lets other programs run before the loop sleeps. On a busy machine clients and upstreams are
 * waiting for a processor just then. What they do brings the next completions, more of them at
 * once, and the loop continues without sleeping and being woken, which costs more than all the rest
 * of a turn (bench/FINDINGS.md, 2026-11-24 and 2026-11-28).
 *
 * If none of them is waiting, a yield is useless; if a stranger is, it is late. After each such
 * yield twice as many turns pass without one, up to a limit for each kind.
 */
export class Yielding {
  /** Turns to pass before the next yield. */
  private left = 0;
  /** How many to skip after each yield, as long as none brings anything. */
  private skipped = 0;

  constructor(
    private readonly kernel: Pick<Kernel, "hasNews" | "yield">,
    private readonly clock: Pick<Clock, "now"> = systemClock,
  ) {}

  /** Whether to try a yield now. Call it once a turn. */
  isDue(): boolean {
    if (this.left === 0) return true;
    this.left--;
    return false;
  }

  /** Yields, and learns from the result. */
  yield(): void {
    const startedAt = this.clock.now();
    this.kernel.yield();
    const isLate = this.clock.now() - startedAt > LATE_MS;
    if (this.kernel.hasNews && !isLate) this.skipped = 0;
    else this.backOff(isLate ? LATE_MAX : VAIN_MAX);
    this.left = this.skipped;
  }

  /** Never shortens the pause that a late yield has caused: only news does. */
  private backOff(max: number): void {
    this.skipped = Math.max(this.skipped, Math.min(max, 2 * this.skipped + 1));
  }
}
