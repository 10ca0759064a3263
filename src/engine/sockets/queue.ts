import { assert } from "../../assert.ts";
import { Ring } from "../../memory/ring.ts";
import type { Queue } from "../end.ts";
import { recycle } from "./bun-socket.ts";
import type { Reservoir } from "./reservoir.ts";

/**
 * The queue of a lane: what a target has left over lies in segments. Behind it is the chunk that has just
 * come, where Bun has put it.
 *
 *     [ segment ][ segment ]…[ chunk ]        usually nothing but the chunk, and soon nothing
 *
 * Only what is left of a chunk is copied into segments, by {@link keep}.
 *
 * Owner: a lane.
 */
export class ChunkQueue implements Queue {
  size = 0;
  /** What was left over. */
  readonly ring: Ring;
  /** The chunk, of which the bytes `start`…`end` are queued; null when there is none. */
  chunk: Uint8Array | null = null;
  start = 0;
  private end = 0;
  /** The chunk waits for the end of the turn, and a segment is promised for it. */
  isDeferred = false;

  /** @param limit most bytes of the lane's flow */
  constructor(
    readonly reservoir: Reservoir,
    limit: number,
  ) {
    const { pool } = reservoir;
    this.ring = new Ring(pool, pool.segmentsFor(limit) + 1);
  }

  get room(): number {
    const { reservoir, ring } = this;
    return Math.min(reservoir.free, ring.capacity - ring.count) * reservoir.pool.size;
  }

  /** Its bytes take no more memory than they need. */
  get isCrowded(): boolean {
    return false;
  }

  /** Whoever is starved is so because of all others. */
  get isRoomy(): boolean {
    return false;
  }

  get isDry(): boolean {
    return this.reservoir.empty;
  }

  /** Bytes of the chunk that are queued. */
  get chunkSize(): number {
    return this.chunk === null ? 0 : this.end - this.start;
  }

  /** A chunk has come, of at least 1 byte. There must be none. */
  push(chunk: Uint8Array): void {
    assert(this.chunk === null, "push: one chunk at a time");
    this.chunk = chunk;
    this.start = 0;
    this.end = chunk.length;
    this.size += chunk.length;
  }

  consume(size: number): void {
    this.size -= size;
    let left = size;
    const { ring } = this;
    if (ring.count > 0) {
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
    if (this.start === this.end) this.forget();
  }

  cut(size: number): void {
    this.size -= size;
    this.end -= size;
    assert(this.end >= this.start, "cut: bytes of the chunk");
    if (this.start === this.end) this.forget();
  }

  views(from: number, size: number): Uint8Array[] {
    const views: Uint8Array[] = [];
    const { chunk, ring, start } = this;
    const { pool } = this.reservoir;
    let skip = from;
    let left = size;
    for (let i = 0; i < ring.count && left > 0; i++) {
      const index = ring.at(i);
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

  clear(): void {
    if (this.size === 0) return;
    this.size = 0;
    const { count } = this.ring;
    this.ring.clear();
    this.chunk = null;
    if (count > 0) this.reservoir.changed(-count);
    this.redeem();
  }

  /** What is left of the chunk is kept in segments, for which there is room. */
  keep(): void {
    const { chunk, end, ring } = this;
    if (chunk === null || this.isDeferred) return;
    const { count } = ring;
    const rest = end === chunk.length ? chunk : chunk.subarray(0, end);
    const kept = ring.append(rest, this.start);
    assert(kept === end - this.start, "keep: the reservoir keeps room for a chunk");
    this.forget();
    this.reservoir.changed(ring.count - count);
  }

  /** The chunk is to wait for the end of the turn. @returns whether there is memory for that */
  defer(): boolean {
    this.isDeferred = this.reservoir.promise();
    return this.isDeferred;
  }

  /** It has waited long enough. */
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
