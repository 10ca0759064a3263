import { type Batch, LoadConnection, type LoadHost } from "./connection.ts";
import { Latencies } from "./latencies.ts";

/** A load: so many connections, each sending its batches one after the other. */
export interface Load {
  readonly name: string;
  readonly connections: number;
  /** The batches of connection `index`, which begins anew when it has sent all. */
  readonly batches: (index: number) => readonly Batch[];
  /** It ends after so many batches per connection… */
  readonly batchesMax?: number;
  /** …or when so much time is over, whichever comes first. */
  readonly durationMs: number;
}

/** What a load has done so far, or in all. */
export interface LoadResult {
  readonly name: string;
  readonly requests: number;
  readonly errors: number;
  /** Bytes sent and received. */
  readonly bytes: number;
  readonly elapsedMs: number;
  readonly latencies: Latencies;
  /** What went wrong first, as a clause; null when nothing did. */
  readonly failure: string | null;
}

/** Milliseconds without any byte after which a load counts as stuck. */
const STUCK_AFTER_MS = 5_000;
const TICK_MS = 100;

/** One run of a load. */
export class LoadRun implements LoadHost {
  private readonly connections: LoadConnection[] = [];
  private readonly batches: (readonly Batch[])[] = [];
  private readonly latencies = new Latencies();
  private readonly allClosed = Promise.withResolvers<void>();
  private requests = 0;
  private errors = 0;
  private bytes = 0;
  private open = 0;
  private failure: string | null = null;
  private startedAt = 0;
  private elapsedMs = 0;
  private isStopping = false;

  constructor(
    private readonly load: Load,
    private readonly stuckAfterMs = STUCK_AFTER_MS,
  ) {}

  /**
   * Runs it to its end: all connections are open before the first request, and closed after the
   * last answer.
   *
   * @param onTick called some times a second
   * @param signal gives everything up at once
   * @throws the signal's reason, or what a connect throws
   */
  async run(
    hostname: string,
    port: number,
    onTick: (soFar: LoadResult) => void,
    signal?: AbortSignal,
  ): Promise<LoadResult> {
    for (let index = 0; index < this.load.connections; index++) {
      this.batches.push(this.load.batches(index));
      this.connections.push(new LoadConnection(index, this));
    }
    const abort = () => this.allClosed.reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    const ticking = this.tick(onTick);
    try {
      signal?.throwIfAborted();
      await Promise.all(this.connections.map((one) => this.openOne(one, hostname, port)));
      this.startedAt = performance.now();
      for (const connection of this.connections) connection.next();
      await this.allClosed.promise;
      return this.result();
    } finally {
      clearInterval(ticking);
      signal?.removeEventListener("abort", abort);
      for (const connection of this.connections) connection.abandon();
    }
  }

  nextBatch(connection: LoadConnection): Batch | null {
    const { batchesMax = Number.POSITIVE_INFINITY, durationMs } = this.load;
    const isTimeUp = performance.now() - this.startedAt >= durationMs;
    if (this.isStopping || isTimeUp || connection.batches >= batchesMax) return null;
    const batches = this.batches[connection.index] ?? [];
    return batches[connection.batches % batches.length] ?? null;
  }

  answered(batch: Batch, ms: number): void {
    this.requests += batch.requests;
    this.latencies.add(ms);
    // The time until the last answer: what closing takes is not the load's.
    this.elapsedMs = performance.now() - this.startedAt;
  }

  moved(bytes: number): void {
    this.bytes += bytes;
  }

  failed(sentence: string): void {
    this.errors++;
    this.failure ??= sentence;
    // One wrong answer decides the demo: the others finish what they have begun.
    this.isStopping = true;
  }

  closed(): void {
    this.open--;
    if (this.open === 0) this.allClosed.resolve();
  }

  private async openOne(one: LoadConnection, hostname: string, port: number): Promise<void> {
    this.open++;
    await one.open(hostname, port);
  }

  private tick(onTick: (soFar: LoadResult) => void): ReturnType<typeof setInterval> {
    let [bytes, since] = [-1, performance.now()];
    return setInterval(() => {
      onTick(this.result());
      const now = performance.now();
      if (this.bytes !== bytes) [bytes, since] = [this.bytes, now];
      else if (now - since > this.stuckAfterMs) this.giveUp();
    }, TICK_MS);
  }

  private giveUp(): void {
    this.failed(`${this.open} connections stood still for ${this.stuckAfterMs / 1_000} s`);
    this.allClosed.resolve();
  }

  private result(): LoadResult {
    const { requests, errors, bytes, elapsedMs, latencies, failure } = this;
    return { name: this.load.name, requests, errors, bytes, elapsedMs, latencies, failure };
  }
}
