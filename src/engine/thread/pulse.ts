import { type LoopClock, systemClock } from "../../base/clock.ts";
import { Recurring } from "../../base/recurring.ts";

/** Between two looks whether a thread lives. */
const LOOK_MS = 2_000;
/** So many looks in a row without an answer, and it is told; */
const SILENT_LOOKS = 2;
/** …so many, and it is given up. Only looks count and no clock: this process may have been stopped. */
const DEAD_LOOKS = 6;
/** A look that comes so many milliseconds too late says nothing: the thread may have had no time either. */
const LATE_MS = 250;

/** What a pulse is taken of. */
export interface Pulsing {
  /** A number that changes as long as the thread has something to do and does it. */
  sign(): number;
  /** Asks the thread for a sign; it answers with {@link Pulse.beat}. */
  ask(): void;
  /** It does not answer, or it does again. */
  silent(isSilent: boolean): void;
  /** It has not answered for so many milliseconds: nobody needs to wait for it any more. */
  dead(silentMs: number): void;
}

/**
 * Looks whether a thread lives: one that stands still, whatever for, is found without anybody who
 * waits for it. While it works nothing is asked; a quiet one answers a question every two seconds.
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

  /** The thread has answered. */
  beat(): void {
    this.isAsked = false;
    this.missed = 0;
    if (!this.isSilent) return;
    this.isSilent = false;
    this.thread.silent(false);
  }

  /** The thread is to be over. */
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
