import { assert } from "../assert.ts";
import type { Pool } from "./pool.ts";

/**
 * The queue of one flow: the segments that hold its bytes, in order.
 *
 *     slots   [ 7 ][ 2 ][   ][   ][ 9 ]      capacity 5, head 4, count 3: segments 9, 7, 2
 *               ▲    ▲              ▲
 *               │    last           head: sent next
 *
 * A ring owns its segments and never moves bytes between them. `slots` is allocated at the first
 * use, because most flows never need it.
 *
 * Owner: a lane's queue. Invariant: `0 ≤ count ≤ capacity`, `0 ≤ head < capacity`, so that one
 * subtraction wraps an index. `size` is the sum of the filled ranges of its segments.
 */
export class Ring {
  /** Queued bytes. */
  size = 0;
  /** Queued segments. */
  count = 0;
  private head = 0;
  private slots: Uint32Array | null = null;

  /** @param capacity the most segments that this ring holds, at least 1 */
  constructor(
    private readonly pool: Pool,
    readonly capacity: number,
  ) {
    assert(capacity >= 1, "ring: the capacity is at least 1");
  }

  /** The segment to send from next. Asserts that there is one. */
  first(): number {
    assert(this.count > 0, "first: the ring is not empty");
    return (this.slots as Uint32Array)[this.head] as number;
  }

  /** The segment at a place in the queue. @param place 0…count − 1 */
  at(place: number): number {
    let slot = this.head + place;
    if (slot >= this.capacity) slot -= this.capacity;
    return (this.slots as Uint32Array)[slot] as number;
  }

  /** Bytes in the segment to send from next, at least 1. */
  get firstSize(): number {
    const index = this.first();
    return (this.pool.end[index] as number) - (this.pool.start[index] as number);
  }

  /** Queues a leased and filled segment, which the ring owns from now on. */
  push(index: number): void {
    assert(this.count < this.capacity, "push: the ring is not full");
    this.slots ??= new Uint32Array(this.capacity);
    let tail = this.head + this.count;
    if (tail >= this.capacity) tail -= this.capacity;
    this.slots[tail] = index;
    this.count++;
    this.size += (this.pool.end[index] as number) - (this.pool.start[index] as number);
  }

  /**
   * Copies `bytes[offset…]` into newly leased segments: the only copy that the sockets engine
   * makes, of bytes that a slow target did not take.
   *
   * @returns how many bytes were copied: all, or fewer if the pool or the ring is full
   */
  append(bytes: Uint8Array, offset: number): number {
    const { pool } = this;
    let at = offset;
    while (at < bytes.length && pool.available > 0 && this.count < this.capacity) {
      const index = pool.lease();
      const length = Math.min(pool.size, bytes.length - at);
      pool.view(index).set(bytes.subarray(at, at + length));
      pool.end[index] = length;
      this.push(index);
      at += length;
    }
    return at - offset;
  }

  /**
   * Copies bytes into the free rest of the last segment.
   *
   * @returns how many bytes were copied; 0 if there is no segment, or no room in it
   */
  fill(bytes: Uint8Array): number {
    if (this.count === 0) return 0;
    const { pool } = this;
    let last = this.head + this.count - 1;
    if (last >= this.capacity) last -= this.capacity;
    const index = (this.slots as Uint32Array)[last] as number;
    const end = pool.end[index] as number;
    const length = Math.min(pool.size - end, bytes.length);
    if (length === 0) return 0;
    pool.view(index).set(bytes.subarray(0, length), end);
    pool.end[index] = end + length;
    this.size += length;
    return length;
  }

  /** The first `size` bytes of the first segment were sent. Releases it once it is empty. */
  consume(size: number): void {
    const index = this.first();
    const start = (this.pool.start[index] as number) + size;
    assert(start <= (this.pool.end[index] as number), "consume: not more than the segment holds");
    this.pool.start[index] = start;
    this.size -= size;
    if (start === this.pool.end[index]) this.shift();
  }

  /** Releases all segments. */
  clear(): void {
    while (this.count > 0) this.shift();
    this.size = 0;
  }

  private shift(): void {
    this.pool.release(this.first());
    this.count--;
    this.head++;
    if (this.head === this.capacity) this.head = 0;
  }
}
