/** Does something again and again, as long as the page is seen. */
export class Poll {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isBusy = false;

  /** @param work must not throw */
  constructor(
    private readonly work: () => Promise<void>,
    private readonly everyMs: number,
  ) {}

  /** Begins, at once. */
  begin(): void {
    document.addEventListener("visibilitychange", () => this.now());
    this.now();
  }

  /** Does it now, unless it is being done or nobody looks. */
  now(): void {
    clearTimeout(this.timer);
    if (!document.hidden && !this.isBusy) void this.round();
  }

  private async round(): Promise<void> {
    this.isBusy = true;
    const startedAt = performance.now();
    await this.work();
    this.isBusy = false;
    const rest = Math.max(100, this.everyMs - (performance.now() - startedAt));
    if (!document.hidden) this.timer = setTimeout(() => this.now(), rest);
  }
}
