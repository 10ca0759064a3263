/**
 * Work that is done again and again while there is any, and costs nothing when there is none. Its timer
 * does not keep the process alive.
 */
export class Recurring {
  private timer: ReturnType<typeof setInterval> | null = null;
  private isOver = false;

  /**
   * @param everyMs milliseconds between two times, at least 1
   * @param work answers whether there is more to do
   */
  constructor(
    private readonly everyMs: number,
    private readonly work: () => boolean,
  ) {}

  /** There is something to do. */
  begin(): void {
    if (this.timer !== null || this.isOver) return;
    this.timer = setInterval(() => {
      if (!this.work()) this.rest();
    }, this.everyMs);
    this.timer.unref();
  }

  /** Nothing is done any more. */
  stop(): void {
    this.isOver = true;
    this.rest();
  }

  private rest(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }
}
