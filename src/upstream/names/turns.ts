/** Lets a limited number of tasks run at once; the others wait for their turn, in order. */
export class Turns {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  /** @param most at least 1 */
  constructor(most: number) {
    this.free = most;
  }

  /** Waits for a turn. @returns a function that ends it; call it once */
  async take(): Promise<() => void> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    return () => {
      const next = this.waiting.shift();
      if (next === undefined) this.free++;
      else next();
    };
  }
}
