import type { LoadResult } from "./load.ts";

/**
 * What a request costs the server while a load runs: from the first tick that sees an answer to the
 * last one before the load's time is over. So it has no part of opening and closing connections,
 * which a proxy that shares them would save only once.
 */
export class ServerCpu {
  private first: Sample | null = null;
  private last: Sample | null = null;

  /** @param read CPU that the server has used so far, in microseconds; null if it cannot be told */
  constructor(
    private readonly read: () => number | null,
    private readonly durationMs: number,
  ) {}

  tick({ requests, elapsedMs }: LoadResult): void {
    if (requests === 0 || elapsedMs >= this.durationMs) return;
    const micros = this.read();
    if (micros === null) return;
    this.last = { micros, requests };
    this.first ??= this.last;
  }

  /** Microseconds for each request; null if that cannot be told. */
  get microsPerRequest(): number | null {
    const { first, last } = this;
    if (first === null || last === null || last.requests === first.requests) return null;
    return (last.micros - first.micros) / (last.requests - first.requests);
  }
}

interface Sample {
  readonly micros: number;
  readonly requests: number;
}
