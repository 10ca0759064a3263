/** How long requests took. Keeps every sample, as a demo has few enough to be exact. */
export class Latencies {
  private readonly samples: number[] = [];
  private isSorted = true;

  /** Adds one sample in milliseconds. */
  add(ms: number): void {
    this.samples.push(ms);
    this.isSorted = false;
  }

  /** The latency that `percent` of the requests did not exceed; 0 when there were none. */
  percentile(percent: number): number {
    if (!this.isSorted) this.samples.sort((a, b) => a - b);
    this.isSorted = true;
    const index = Math.ceil((percent / 100) * this.samples.length) - 1;
    return this.samples[Math.max(0, index)] ?? 0;
  }
}
