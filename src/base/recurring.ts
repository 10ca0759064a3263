import { type LoopClock, systemClock } from "../base/clock.ts";

/**
 * Repeats work while there is some left, and costs nothing otherwise. Its timer does not keep the
 * process alive.
 */
export class Recurring {
  private takeBack: (() => void) | null = null;
  private isOver = false;

  /**
   * @param everyMs milliseconds between two runs, at least 1
   * @param work returns whether work is left
   */
  constructor(
    private readonly everyMs: number,
    private readonly work: () => boolean,
    private readonly clock: LoopClock = systemClock,
  ) {}

  /** Starts repeating, unless it already does. */
  begin(): void {
    if (this.takeBack === null && !this.isOver) this.arm();
  }

  private arm(): void {
    this.takeBack = this.clock.after(this.everyMs, () => {
      // Before the work, which may call stop, or throw.
      this.arm();
      if (!this.work()) this.rest();
    });
  }

  /** Stops for good. */
  stop(): void {
    this.isOver = true;
    this.rest();
  }

  /** Pauses until {@link begin}. */
  rest(): void {
    this.takeBack?.();
    this.takeBack = null;
  }
}
