import { type Clock, systemClock } from "../../base/clock.ts";
import type { Kernel } from "./kernel.ts";

/** A yield that took longer, in milliseconds, went to somebody whose work is not for this proxy. */
const LATE_MS = 2;
/** Most turns that go by without a yield after many in vain: enough that these cost nothing to speak of. */
const VAIN_MAX = 15;
/** The same after many that took long, each of which gives a slice of time away. */
const LATE_MAX = 1023;

/**
 * Lets others run before the loop sleeps. On a busy machine clients and upstreams wait for a processor
 * just then: what they do with it brings the next completions, more of them at once, and the loop goes
 * on without having slept and been woken, which costs more than all the rest of a turn
 * (bench/FINDINGS.md, 2026-11-24 and 2026-11-28).
 *
 * Where nobody waits a yield is in vain, and where a stranger does it is long: after each such one
 * twice as many turns go by without, up to a limit each.
 */
export class Yielding {
  /** Turns that still go by without a yield. */
  private left = 0;
  /** How many do so after each one, while none brings anything. */
  private skipped = 0;

  constructor(
    private readonly kernel: Pick<Kernel, "hasNews" | "yield">,
    private readonly clock: Pick<Clock, "now"> = systemClock,
  ) {}

  /** Whether a yield may be worth it now; to be asked once a turn. */
  isDue(): boolean {
    if (this.left === 0) return true;
    this.left--;
    return false;
  }

  /** Yields, and learns from what comes of it. */
  yield(): void {
    const startedAt = this.clock.now();
    this.kernel.yield();
    const isLate = this.clock.now() - startedAt > LATE_MS;
    if (this.kernel.hasNews && !isLate) this.skipped = 0;
    else this.backOff(isLate ? LATE_MAX : VAIN_MAX);
    this.left = this.skipped;
  }

  /** Never shortens what a stranger has brought about: only news does. */
  private backOff(max: number): void {
    this.skipped = Math.max(this.skipped, Math.min(max, 2 * this.skipped + 1));
  }
}
