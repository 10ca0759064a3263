import { Histogram } from "./histogram.ts";
import type { LoadResult } from "./load.ts";

/** How long the last answers may take after a window's end, in milliseconds. */
const GRACE_MS = 5_000;

/**
 * One measured window: counts what was done in it and settles once, with the result when the last
 * operation is over, or with the first thing that went wrong.
 */
export class Window {
  operations = 0;
  bytes = 0;
  readonly latency = new Histogram();
  readonly startedAt = performance.now();
  /** From here on no operation is started. */
  readonly endsAt: number;
  readonly result: Promise<LoadResult>;
  private readonly resolve: (result: LoadResult) => void;
  private readonly reject: (error: Error) => void;
  private readonly deadline: ReturnType<typeof setTimeout>;

  /** @param waitingFor says at the deadline what is still missing */
  constructor(ms: number, waitingFor: () => string) {
    this.endsAt = this.startedAt + ms;
    const { promise, resolve, reject } = Promise.withResolvers<LoadResult>();
    this.result = promise;
    this.resolve = resolve;
    this.reject = reject;
    this.deadline = setTimeout(() => this.fail(waitingFor()), ms + GRACE_MS);
  }

  /** Counts one operation that took from `sentAt` until `now`. */
  count(sentAt: number, now: number): void {
    this.operations++;
    this.latency.record(now - sentAt);
  }

  /** The last operation is over. */
  finish(): void {
    clearTimeout(this.deadline);
    const { operations, bytes } = this;
    const seconds = (performance.now() - this.startedAt) / 1_000;
    this.resolve({ operations, bytes, seconds, latency: this.latency.data() });
  }

  /** Something is wrong; only the first complaint counts. */
  fail(why: string): void {
    clearTimeout(this.deadline);
    this.reject(new Error(why));
  }
}
