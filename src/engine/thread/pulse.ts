import { type LoopClock, systemClock } from "../../base/clock.ts";
import { Recurring } from "../../base/recurring.ts";

/** Interval of the checks whether a thread is alive. */
const LOOK_MS = 2_000;
/** After this many checks in a row without an answer the thread is reported as silent. */
const SILENT_LOOKS = 2;
/** After this many it is given up. Not after a time: this process may have been suspended. */
const DEAD_LOOKS = 6;
/** A check that is later than this does not count: the thread may have had no CPU either. */
const LATE_MS = 250;

/** The thread that a {@link Pulse} watches. */
export interface Pulsing {
  /** A number that changes while the thread works. */
  sign(): number;
  /** Asks the thread for an answer, which is reported by {@link Pulse.beat}. */
  ask(): void;
  /** The thread does not answer, or answers again. */
  silent(isSilent: boolean): void;
  /** The thread has not answered for this long and is given up. */
  dead(silentMs: number): void;
}

/**
 * Watches a thread and detects if it hangs, without waiting for it. While the thread works it is
 * not asked; an idle one answers a question every two seconds.
 *
 * Owner: the thread's handle.
 */
export class Pulse {
  private readonly looks: Recurring;
  private last = Number.NaN;
  private lookedAt: number;
  private isAsked = false;
  private missed = 0;
  private isSilent = false;

  /** @param lookMs see {@link LOOK_MS}; for tests */
  constructor(
    private readonly thread: Pulsing,
    private readonly lookMs = LOOK_MS,
    private readonly clock: LoopClock = systemClock,
  ) {
    this.lookedAt = clock.now();
    this.looks = new Recurring(lookMs, () => this.look(), clock);
    this.looks.begin();
  }

  beat(): void {
    this.isAsked = false;
    this.missed = 0;
    if (!this.isSilent) return;
    this.isSilent = false;
    this.thread.silent(false);
  }

  /** The thread is about to end: stops watching. */
  stop(): void {
    this.looks.stop();
  }

  private look(): boolean {
    const { thread } = this;
    const sign = thread.sign();
    const isMoving = sign !== this.last;
    this.last = sign;
    const now = this.clock.now();
    const isLate = now - this.lookedAt > this.lookMs + LATE_MS;
    this.lookedAt = now;
    if (isMoving && !this.isAsked) return true;
    if (!this.isAsked) {
      this.isAsked = true;
      thread.ask();
      return true;
    }
    if (isLate) return true;
    if (isMoving) this.missed = 0;
    else this.missed++;
    if (this.missed === SILENT_LOOKS && !this.isSilent) {
      this.isSilent = true;
      thread.silent(true);
    }
    if (this.missed < DEAD_LOOKS) return true;
    thread.dead(this.missed * this.lookMs);
    return false;
  }
}
