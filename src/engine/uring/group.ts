import { assert } from "../../assert.ts";
import { type Mapping, mapMemory, unmap } from "../../system/linux.ts";
import { BUF_SIZE, BufferRingFlag } from "./abi.ts";
import { BufferRing } from "./buffer-ring.ts";
import type { Kernel } from "./kernel.ts";
import type { Slabs } from "./slabs.ts";

const PAGE = 4096;

/** The parameters of a group. */
export interface GroupOptions {
  /** The kernel's name for it: `bgid`. */
  readonly id: number;
  /** Most buffers from the slabs, provided or held. */
  readonly limit: number;
  /** Buffers to provide at first. If they are few, they stay in the processor's cache. */
  readonly level: number;
  /** Most buffers to provide at the same time. */
  readonly levelMax: number;
  /** The kernel fills buffers incrementally. */
  readonly incremental: boolean;
}

/**
 * A group of provided buffers, which the kernel may receive into, for one direction and size.
 *
 *     slabs ──lease──► provided (the kernel's) ──a receive──► held (chunks wait to be sent) ──┐
 *       ▲                   ▲                                                                 │
 *       └───────────────────┴────────────────── all of it was sent ◄──────────────────────────┘
 *
 * The kernel takes provided buffers in ring order, so a large set would fall out of the CPU cache.
 * Therefore only `level` are provided, and twice as many each time a receive finds none.
 *
 * Invariant: `provided + held ≤ limit`, `provided ≤ levelMax`. A buffer is held while chunks of it
 * wait and the kernel is done with it.
 */
export class Group {
  readonly id: number;
  /** Buffers in the kernel's ring. */
  provided = 0;
  /** Buffers with chunks that wait to be sent. */
  held = 0;
  /** Receives that found no buffer. */
  foundNone = 0;
  readonly limit: number;
  private level: number;
  private readonly levelMax: number;
  private readonly incremental: boolean;
  private readonly mapping: Mapping;
  private readonly ring: BufferRing;
  private readonly mask: number;
  /** By buffer: how many of its chunks wait to be sent. */
  private readonly uses: Uint32Array;
  /** By buffer: whether the kernel may still write to it. */
  private readonly open: Uint8Array;
  /** By buffer: where the kernel continues to fill it. */
  private readonly filled: Uint32Array;
  /** The buffer at each place of the ring, and the place of each buffer. */
  private readonly places: Uint32Array;
  private readonly placeOf: Uint32Array;

  /** @throws Error if the kernel refuses the ring */
  constructor(
    kernel: Kernel,
    readonly slabs: Slabs,
    { id, limit, level, levelMax, incremental }: GroupOptions,
  ) {
    this.id = id;
    this.limit = limit;
    this.levelMax = Math.min(levelMax, limit);
    this.level = Math.min(level, this.levelMax);
    this.incremental = incremental;
    const entries = 2 ** Math.ceil(Math.log2(this.levelMax));
    this.mask = entries - 1;
    this.mapping = mapMemory(Math.ceil((entries * BUF_SIZE) / PAGE) * PAGE);
    this.ring = new BufferRing(this.mapping, 0, entries);
    this.uses = new Uint32Array(slabs.count);
    this.open = new Uint8Array(slabs.count);
    this.filled = new Uint32Array(incremental ? slabs.count : 0);
    this.places = new Uint32Array(entries);
    this.placeOf = new Uint32Array(slabs.count);
    const flags = incremental ? BufferRingFlag.Incremental : BufferRingFlag.None;
    const result = kernel.registerBuffers(id, this.mapping.address, entries, flags);
    if (result < 0) throw new Error(`a ring of provided buffers was refused: errno ${-result}`);
  }

  /** No buffer can be provided until held ones come back. */
  get dry(): boolean {
    return this.provided === 0 && this.held >= this.limit;
  }

  /** Most buffers are held: flows that hold some must leave the rest to those that hold none. */
  get low(): boolean {
    return this.held > this.limit - (this.limit >>> 2);
  }

  /** A receive found no buffer: provides more from now on, if the limit allows. */
  ranOut(): void {
    this.foundNone++;
    if (this.held < this.limit) this.level = Math.min(this.levelMax, Math.max(1, this.level * 2));
  }

  /** Provides buffers up to the level. */
  refill(): void {
    while (this.provided < this.level && this.provided + this.held < this.limit) {
      const index = this.slabs.lease();
      if (index < 0) break;
      this.provide(index);
    }
    this.ring.publish();
  }

  /**
   * A receive has brought `size` bytes in this buffer.
   *
   * @param more the kernel continues to fill it
   * @returns where in the buffer they begin
   */
  took(index: number, size: number, more: boolean): number {
    assert(this.open[index] === 1, "took: the kernel had the buffer");
    let start = 0;
    if (this.incremental) {
      start = this.filled[index] as number;
      this.filled[index] = start + size;
    }
    (this.uses[index] as number)++;
    if (!more) this.shut(index);
    return start;
  }

  /** A receive has taken this buffer but brought nothing: provides it again. */
  returned(index: number): void {
    assert(this.open[index] === 1, "returned: the kernel had the buffer");
    this.provided--;
    this.provide(index);
  }

  /** Whether one chunk alone lies in a buffer, and the kernel writes there no more. */
  isOwn(index: number): boolean {
    return this.open[index] === 0 && this.uses[index] === 1;
  }

  /** A buffer for one chunk, which the kernel is not given; −1 if there is none left. */
  leaseOwn(): number {
    if (this.provided + this.held >= this.limit) return -1;
    const index = this.slabs.lease();
    if (index < 0) return -1;
    this.uses[index] = 1;
    this.open[index] = 0;
    this.held++;
    return index;
  }

  /** One chunk of a buffer was sent or dropped. After the last one the buffer comes back. */
  released(index: number): void {
    const uses = (this.uses[index] as number) - 1;
    assert(uses >= 0, "released: the buffer was in use");
    this.uses[index] = uses;
    if (uses === 0 && this.open[index] === 0) this.comeBack(index);
  }

  /** The buffer that the kernel takes after this one, where a bundle continues. */
  after(index: number): number {
    return this.places[((this.placeOf[index] as number) + 1) & this.mask] as number;
  }

  close(): void {
    unmap(this.mapping);
  }

  /** The kernel is done with a buffer, at least one chunk of which waits. */
  private shut(index: number): void {
    this.open[index] = 0;
    this.provided--;
    this.held++;
  }

  private comeBack(index: number): void {
    this.held--;
    if (this.provided < this.level) this.provide(index);
    else this.slabs.release(index);
  }

  private provide(index: number): void {
    const { ring, slabs } = this;
    const { place } = ring;
    const [low, high] = [slabs.addressLow[index] as number, slabs.addressHigh[index] as number];
    ring.push(low, high, slabs.size, index);
    this.places[place] = index;
    this.placeOf[index] = place;
    this.open[index] = 1;
    if (this.incremental) this.filled[index] = 0;
    this.provided++;
  }
}
