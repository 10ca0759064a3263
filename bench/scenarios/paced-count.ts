/** How much of what a round is to do, for tools that are told how much instead of how long. */
export class PacedCount {
  private readonly counts = new Map<string, number>();

  /** @param first for the first round of each, which finds out how fast it is */
  constructor(
    private readonly first: number,
    private readonly durationMs: number,
  ) {}

  /** What this proxy's next round is to do. */
  of(proxy: string): number {
    return this.counts.get(proxy) ?? this.first;
  }

  /** So that its next round takes about as long as a round should. */
  reached(proxy: string, perSecond: number): void {
    this.counts.set(proxy, Math.max(1, Math.round((perSecond * this.durationMs) / 1_000)));
  }
}
