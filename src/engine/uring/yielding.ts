import type { Kernel } from "./kernel.ts";

/** A yield that took longer, in milliseconds, went to somebody whose work is not for this proxy. */
const LATE_MS = 2;
/** Most turns that go by without a yield after many in vain. */
const SKIPPED_MAX = 1023;

/**
 * Lets others run before the loop sleeps. On a busy machine clients and upstreams wait for a processor
 * just then: what they do with it brings the next completions, more of them at once, and the loop goes
 * on without having slept and been woken, which costs more than all the rest of a turn
 * (bench/FINDINGS.md, 2026-11-24).
 *
 * Where nobody waits a yield is in vain, and where a stranger does it is long: after each such one
 * twice as many turns go by without.
 */
export class Yielding {
  /** Turns that go by without a yield: still, and after the next one in vain half of that. */
  private left = 0;
  private skipped = 0;

  constructor(private readonly kernel: Pick<Kernel, "hasNews" | "yield">) {}

  /** Whether a yield may be worth it now; to be asked once a turn. */
  isDue(): boolean {
    if (this.left === 0) return true;
    this.left--;
    return false;
  }

  /** Yields, and learns from what comes of it. */
  yield(): void {
    const startedAt = performance.now();
    this.kernel.yield();
    const isLate = performance.now() - startedAt > LATE_MS;
    if (this.kernel.hasNews && !isLate) this.skipped = 0;
    else this.skipped = Math.min(SKIPPED_MAX, 2 * this.skipped + 1);
    this.left = this.skipped;
  }
}
