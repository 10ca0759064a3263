import { assert } from "../../assert.ts";

/** How fast a flow may receive. */
export interface PaceOptions {
  /** Bytes per second in the long run, more than 0. */
  readonly bytesPerSecond: number;
  /**
   * Bytes that may come at once after a rest, at least 1. It should cover some milliseconds of the
   * rate if the flow waits by a millisecond timer: credit beyond the burst is lost while it sleeps.
   */
  readonly burstBytes: number;
  /**
   * The fewest bytes that are worth receiving, 1 to `burstBytes`, so that a slow flow is not woken
   * for every few bytes. By default a 50th of a second's worth, but at least 1 KiB.
   */
  readonly chunkBytes?: number;
}

const CHUNKS_PER_SECOND = 50;
const CHUNK_BYTES_MIN = 1024;

/**
 * How many bytes a flow may receive now: a bucket of bytes that fills at an even rate.
 *
 *     0 ≤ allowance ≤ burstBytes; credit ≤ burstBytes, below 0 after more was received than allowed
 *
 * An engine that cannot bound a receive may exceed the allowance. The excess becomes a debt that
 * the next receive waits for, so the rate holds.
 *
 * Pure: the caller gives the time in milliseconds, by one monotonic clock (if it goes back, the
 * bucket does not fill meanwhile). Owner: one flow, in one thread.
 */
export class Pace {
  private readonly bytesPerMs: number;
  private readonly burstBytes: number;
  private readonly chunkBytes: number;
  /** Bytes that could be received at `creditAtMs`. */
  private credit: number;
  private creditAtMs = Number.NEGATIVE_INFINITY;

  constructor({ bytesPerSecond, burstBytes, chunkBytes }: PaceOptions) {
    assert(bytesPerSecond > 0 && bytesPerSecond < Infinity, "Pace: bytesPerSecond is more than 0");
    assert(burstBytes >= 1 && burstBytes < Infinity, "Pace: burstBytes is at least 1");
    this.bytesPerMs = bytesPerSecond / 1_000;
    this.burstBytes = Math.floor(burstBytes);
    const usual = Math.max(CHUNK_BYTES_MIN, Math.floor(bytesPerSecond / CHUNKS_PER_SECOND));
    this.chunkBytes = chunkBytes ?? Math.min(usual, this.burstBytes);
    assert(
      this.chunkBytes >= 1 && this.chunkBytes <= this.burstBytes,
      "Pace: chunkBytes is 1 to burstBytes",
    );
    this.credit = this.burstBytes;
  }

  /** Whole bytes that may be received now: 0 to `burstBytes`. */
  allowance(nowMs: number): number {
    this.fill(nowMs);
    return Math.max(0, Math.floor(this.credit));
  }

  /** Bytes were received, perhaps more than allowed. @param bytes 0 or more */
  used(bytes: number, nowMs: number): void {
    assert(bytes >= 0, "Pace.used: 0 bytes or more");
    this.fill(nowMs);
    this.credit -= bytes;
  }

  /**
   * Whole milliseconds until `chunkBytes` are allowed; 0 if they are allowed now. Because of
   * rounding, it may take one millisecond more.
   */
  waitMs(nowMs: number): number {
    this.fill(nowMs);
    if (this.credit >= this.chunkBytes) return 0;
    return Math.max(1, Math.ceil((this.chunkBytes - this.credit) / this.bytesPerMs));
  }

  private fill(nowMs: number): void {
    if (nowMs <= this.creditAtMs) return;
    const filled = this.credit + (nowMs - this.creditAtMs) * this.bytesPerMs;
    this.credit = Math.min(this.burstBytes, filled);
    this.creditAtMs = nowMs;
  }
}
