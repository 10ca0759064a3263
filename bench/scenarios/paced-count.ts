/** The amount of work of a round, for tools that take an amount instead of a duration. */
export class PacedCount {
  private readonly counts = new Map<string, number>();

  /** @param first for the first round of each, which finds out how fast it is */
  constructor(
    private readonly first: number,
    private readonly durationMs: number,
  ) {}

  /** The amount for this proxy's next round. */
  of(proxy: string): number {
    return this.counts.get(proxy) ?? this.first;
  }

  /** Adjusts the amount so that the next round takes about as long as a round should. */
  reached(proxy: string, perSecond: number): void {
    this.counts.set(proxy, Math.max(1, Math.round((perSecond * this.durationMs) / 1_000)));
  }
}
