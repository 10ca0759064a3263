import { assert } from "../assert.ts";

/** The figures of a pool. */
export enum PoolCount {
  /** Segments leased now. */
  Leased,
  /** The most segments that were leased at the same time. */
  LeasedMax,
  /** Bytes of all slabs. */
  Bytes,
  Size,
}

/**
 * The memory of one worker: fixed-size segments carved from a few large ArrayBuffers ("slabs").
 *
 *     slab 0: [segment 0][segment 1]…[segment 15]     slab 1: [segment 16]…     … up to `count`
 *
 * Segments are identified by index. Their views are made once, with their slab, so leasing and
 * releasing allocate nothing. The pool starts empty and adds slabs as needed, up to `count`
 * segments: then ringway waits. Free segments are kept on a stack, so that the one released last,
 * still in the CPU cache, is leased first.
 *
 * Each leased segment has a filled range, `start ≤ end ≤ size`.
 *
 * Owner: an engine. Invariant: `leased + free = slabs × segments per slab ≤ count`.
 */
export class Pool {
  /** Offset of the first filled byte of each segment, 0…size. */
  readonly start: Uint32Array;
  /** Offset after the last filled byte of each segment, 0…size. */
  readonly end: Uint32Array;
  private readonly views: Uint8Array<ArrayBuffer>[] = [];
  private readonly freeStack: Uint32Array;
  private freeCount = 0;
  private readonly out: Uint8Array;

  /**
   * @param size bytes of a segment, at least 1
   * @param count the most segments, at least 1
   * @param onSlab called after a slab was added, with the pool's bytes
   * @param figures to write, by {@link PoolCount}
   */
  constructor(
    readonly size: number,
    readonly count: number,
    private readonly onSlab: (bytes: number) => void = () => {},
    private readonly figures: Float64Array = new Float64Array(PoolCount.Size),
  ) {
    assert(size >= 1 && count >= 1, "pool: size and count are at least 1");
    this.start = new Uint32Array(count);
    this.end = new Uint32Array(count);
    this.freeStack = new Uint32Array(count);
    this.out = new Uint8Array(count);
  }

  /** Segments leased now. */
  get leased(): number {
    return this.figures[PoolCount.Leased] as number;
  }

  private set leased(count: number) {
    this.figures[PoolCount.Leased] = count;
  }

  /** The most segments that were leased at the same time. */
  get leasedMax(): number {
    return this.figures[PoolCount.LeasedMax] as number;
  }

  private set leasedMax(count: number) {
    this.figures[PoolCount.LeasedMax] = count;
  }

  /** Segments that can still be leased, even if their slab does not exist yet. */
  get available(): number {
    return this.count - this.leased;
  }

  /** Bytes of all slabs. */
  get bytes(): number {
    return this.views.length * this.size;
  }

  /** How many segments `size` bytes fill. */
  segmentsFor(size: number): number {
    return Math.ceil(size / this.size);
  }

  /** Leases an empty segment (`start = end = 0`). Asserts that one is available. */
  lease(): number {
    assert(this.leased < this.count, "lease: a segment is available");
    if (this.freeCount === 0) this.addSlab();
    const index = this.freeStack[--this.freeCount] as number;
    this.out[index] = 1;
    this.leased++;
    if (this.leased > this.leasedMax) this.leasedMax = this.leased;
    this.start[index] = 0;
    this.end[index] = 0;
    return index;
  }

  /** Releases a leased segment. */
  release(index: number): void {
    assert(this.out[index] === 1, "release: the segment is leased");
    this.out[index] = 0;
    this.leased--;
    this.freeStack[this.freeCount++] = index;
  }

  /** The whole segment, `size` bytes; valid while it is leased. */
  view(index: number): Uint8Array<ArrayBuffer> {
    return this.views[index] as Uint8Array<ArrayBuffer>;
  }

  private addSlab(): void {
    const first = this.views.length;
    const most = Math.max(1, Math.floor(SLAB_BYTES / this.size));
    const segments = Math.min(most, this.count - first);
    const slab = new ArrayBuffer(segments * this.size);
    for (let i = 0; i < segments; i++) {
      this.views.push(new Uint8Array(slab, i * this.size, this.size));
    }
    // Pushed in reverse, so that a new slab is used from its beginning.
    for (let i = segments - 1; i >= 0; i--) this.freeStack[this.freeCount++] = first + i;
    this.figures[PoolCount.Bytes] = this.bytes;
    this.onSlab(this.bytes);
  }
}

/** The size of a slab in bytes, unless the pool reaches its count before. */
const SLAB_BYTES = 1024 * 1024;
