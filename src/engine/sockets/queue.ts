import { assert } from "../../assert.ts";
import { Ring } from "../../memory/ring.ts";
import type { Queue } from "../end.ts";
import { recycle } from "./bun-socket.ts";
import type { Reservoir } from "./reservoir.ts";

/**
 * The queue of a lane: segments with the bytes that the target did not take, followed by the chunk
 * that has just come, where Bun put it.
 *
 *     [ segment ][ segment ]…[ chunk ]        usually only the chunk, and soon nothing
 *
 * Only the rest of a chunk is copied into segments, by {@link keep}.
 *
 * Owner: a lane.
 */
export class ChunkQueue implements Queue {
  size = 0;
  /** The segments; null until the first one is needed, which most lanes never do. */
  private kept: Ring | null = null;
  /** The chunk, whose bytes from `start` on are queued; null if there is none. */
  chunk: Uint8Array | null = null;
  start = 0;
  /** The chunk waits for the end of the turn, and a segment is promised for it. */
  isDeferred = false;

  constructor(readonly reservoir: Reservoir) {}

  get room(): number {
    const { free, pool, segmentsMax } = this.reservoir;
    return Math.min(free, segmentsMax - this.count) * pool.size;
  }

  /** Segments in the queue. */
  get count(): number {
    return this.kept === null ? 0 : this.kept.count;
  }

  /** The pool's index of a segment. @param place 0…count − 1 */
  at(place: number): number {
    return (this.kept as Ring).at(place);
  }

  /** Never: bytes take no more memory than they need. */
  get isCrowded(): boolean {
    return false;
  }

  /** Never: a lane starves only because the reservoir is empty. */
  get isRoomy(): boolean {
    return false;
  }

  get isDry(): boolean {
    return this.reservoir.empty;
  }

  /** Bytes of the chunk that are queued. */
  get chunkSize(): number {
    return this.chunk === null ? 0 : this.chunk.length - this.start;
  }

  /** Queues a chunk of at least 1 byte. A chunk that is still there is kept first. */
  push(chunk: Uint8Array): void {
    this.keep();
    assert(this.chunk === null, "push: the deferred chunk was sent");
    this.chunk = chunk;
    this.start = 0;
    this.size += chunk.length;
  }

  consume(size: number): void {
    this.size -= size;
    let left = size;
    const { chunk, kept: ring } = this;
    if (ring !== null && ring.count > 0) {
      const { count } = ring;
      while (left > 0 && ring.count > 0) {
        const part = Math.min(left, ring.firstSize);
        ring.consume(part);
        left -= part;
      }
      if (ring.count < count) this.reservoir.changed(ring.count - count);
    }
    if (left === 0) return;
    this.start += left;
    if (this.start === chunk?.length) this.forget();
  }

  cut(size: number): void {
    const { chunk, chunkSize } = this;
    assert(chunk !== null && size <= chunkSize, "cut: bytes of the chunk");
    this.size -= size;
    if (size === chunkSize) this.forget();
    else this.chunk = chunk.subarray(0, chunk.length - size);
  }

  views(from: number, size: number): Uint8Array[] {
    const views: Uint8Array[] = [];
    const { chunk, count, start } = this;
    const { pool } = this.reservoir;
    let skip = from;
    let left = size;
    for (let i = 0; i < count && left > 0; i++) {
      const index = this.at(i);
      const first = pool.start[index] as number;
      const length = (pool.end[index] as number) - first;
      const part = Math.min(length - skip, left);
      if (part > 0) views.push(pool.view(index).subarray(first + skip, first + skip + part));
      skip = Math.max(0, skip - length);
      left -= Math.max(0, part);
    }
    if (left === 0 || chunk === null) return views;
    const isWhole = start + skip === 0 && left === chunk.length;
    views.push(isWhole ? chunk : chunk.subarray(start + skip, start + skip + left));
    return views;
  }

  /** {@link keep} fills segments. */
  settleDown(): void {}

  clear(): void {
    if (this.size === 0) return;
    this.size = 0;
    const { count } = this;
    this.kept?.clear();
    this.chunk = null;
    if (count > 0) this.reservoir.changed(-count);
    this.redeem();
  }

  /** Copies the rest of the chunk into segments, for which the reservoir always has room. */
  keep(): void {
    const { chunk, reservoir, start } = this;
    if (chunk === null || this.isDeferred) return;
    this.kept ??= new Ring(reservoir.pool, reservoir.segmentsMax);
    const { count } = this.kept;
    // A client that sends byte by byte must not hold a segment for each of them.
    const filled = this.kept.fill(start === 0 ? chunk : chunk.subarray(start));
    const kept = filled + this.kept.append(chunk, start + filled);
    assert(kept === chunk.length - start, "keep: the reservoir keeps room for a chunk");
    this.forget();
    reservoir.changed(this.kept.count - count);
  }

  /** Defers the chunk to the end of the turn. @returns false if there is no memory for it */
  defer(): boolean {
    this.isDeferred = this.reservoir.promise();
    return this.isDeferred;
  }

  /** Ends the deferral. */
  redeem(): void {
    if (!this.isDeferred) return;
    this.isDeferred = false;
    this.reservoir.redeem();
  }

  private forget(): void {
    const { chunk } = this;
    this.chunk = null;
    if (chunk !== null) recycle(chunk);
  }
}
