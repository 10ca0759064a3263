import type { Pool } from "./pool.ts";
import { Ring } from "./ring.ts";

/** Size of a segment in the memory of copies, in bytes. */
export const COPY_SEGMENT_SIZE = 16 * 1024;

/** What became of bytes that were to be kept. */
export enum Kept {
  All,
  /** None, as more would wait than may. */
  TooMany,
  /** None, as others have the memory. */
  NoMemory,
}

/**
 * Bytes that wait, copied, up to a limit. Unlike a flow's ring alone it fills its segments, as what comes
 * may be many small pieces.
 *
 *     add ──► [ segment, full ][ segment, full ][ segment… ] ──► first, firstSize, consume
 *
 * Invariant: `0 ≤ size ≤ limit`. Owner: whoever copies.
 */
export class Backlog {
  /** Most bytes that may wait, 1…the `limitMax` that it was made with. */
  limit: number;
  private readonly ring: Ring;

  /** @param limitMax the most that {@link limit} will ever be */
  constructor(
    readonly pool: Pool,
    limitMax: number,
  ) {
    this.limit = limitMax;
    // The first segment may be sent in part, and the last one filled in part.
    this.ring = new Ring(pool, pool.segmentsFor(limitMax) + 1);
  }

  /** Bytes that wait. */
  get size(): number {
    return this.ring.size;
  }

  /** The segment with the bytes that came first, and how many lie there. Asserts that some wait. */
  get first(): number {
    return this.ring.first();
  }

  get firstSize(): number {
    return this.ring.firstSize;
  }

  /** Copies all of these bytes to the end, or none of them. */
  add(bytes: Uint8Array): Kept {
    const { ring, pool } = this;
    if (ring.size + bytes.length > this.limit) return Kept.TooMany;
    // As if there were no room in the last segment: at most one too many is asked for.
    if (pool.segmentsFor(bytes.length) > pool.available) return Kept.NoMemory;
    ring.append(bytes, ring.fill(bytes));
    return Kept.All;
  }

  /** The first `size` bytes of the first segment are done with. */
  consume(size: number): void {
    this.ring.consume(size);
  }

  /** Forgets all that waits. */
  clear(): void {
    this.ring.clear();
  }
}
