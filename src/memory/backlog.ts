import type { Pool } from "./pool.ts";
import { Ring } from "./ring.ts";

/** Size of a segment in the memory of copies, in bytes. */
export const COPY_SEGMENT_SIZE = 16 * 1024;

/** The result of {@link Backlog.add}. */
export enum Kept {
  All,
  /** None, because the limit would be exceeded. */
  TooMany,
  /** None, because the pool has no segments left. */
  NoMemory,
}

/**
 * A queue of copied bytes, up to a limit. Unlike a flow's ring it fills its segments, because bytes
 * may come in many small pieces.
 *
 *     add ──► [ segment, full ][ segment, full ][ segment… ] ──► first, firstSize, consume
 *
 * Invariant: `0 ≤ size ≤ limit`. Owner: a copy.
 */
export class Backlog {
  /** The most bytes that may wait, 1…`limitMax`. */
  limit: number;
  private readonly ring: Ring;

  /** @param limitMax the most that {@link limit} will ever be */
  constructor(
    readonly pool: Pool,
    limitMax: number,
  ) {
    this.limit = limitMax;
    // The first segment may be partly sent, and the last one partly filled.
    this.ring = new Ring(pool, pool.segmentsFor(limitMax) + 1);
  }

  /** Bytes that wait. */
  get size(): number {
    return this.ring.size;
  }

  /** The segment with the oldest bytes. Asserts that there is one. */
  get first(): number {
    return this.ring.first();
  }

  /** Bytes in the first segment. */
  get firstSize(): number {
    return this.ring.firstSize;
  }

  /** Appends all of these bytes, or none. */
  add(bytes: Uint8Array): Kept {
    const { ring, pool } = this;
    if (ring.size + bytes.length > this.limit) return Kept.TooMany;
    // Ignores the room in the last segment, so it may ask for one segment too many.
    if (pool.segmentsFor(bytes.length) > pool.available) return Kept.NoMemory;
    ring.append(bytes, ring.fill(bytes));
    return Kept.All;
  }

  /** Removes the first `size` bytes, which are in the first segment. */
  consume(size: number): void {
    this.ring.consume(size);
  }

  /** Removes all bytes. */
  clear(): void {
    this.ring.clear();
  }
}
