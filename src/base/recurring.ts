import { type LoopClock, systemClock } from "../base/clock.ts";

/**
 * Work that is done again and again while there is any, and costs nothing when there is none. Its timer
 * does not keep the process alive.
 */
export class Recurring {
  private takeBack: (() => void) | null = null;
  private isOver = false;

  /**
   * @param everyMs milliseconds between two times, at least 1
   * @param work answers whether there is more to do
   * @param clock its time
   */
  constructor(
    private readonly everyMs: number,
    private readonly work: () => boolean,
    private readonly clock: LoopClock = systemClock,
  ) {}

  /** There is something to do. */
  begin(): void {
    if (this.takeBack === null && !this.isOver) this.arm();
  }

  private arm(): void {
    this.takeBack = this.clock.after(this.everyMs, () => {
      // Before the work, which may stop it, or fail.
      this.arm();
      if (!this.work()) this.rest();
    });
  }

  /** Nothing is done any more. */
  stop(): void {
    this.isOver = true;
    this.rest();
  }

  /** Nothing is done until {@link begin}. */
  rest(): void {
    this.takeBack?.();
    this.takeBack = null;
  }
}
