/** Repeats something while the page is visible. */
export class Poll {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isBusy = false;

  /** @param work must not throw */
  constructor(
    private readonly work: () => Promise<void>,
    private readonly everyMs: number,
  ) {}

  /** Starts at once. */
  begin(): void {
    document.addEventListener("visibilitychange", () => this.now());
    this.now();
  }

  /** Does it now, unless it is already being done or the page is hidden. */
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
