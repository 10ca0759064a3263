import { assert } from "../../assert.ts";
import { type Mapping, mapMemory, unmap } from "../../system/linux.ts";
import { BUF_SIZE, BufferRingFlag } from "./abi.ts";
import { BufferRing } from "./buffer-ring.ts";
import type { Kernel } from "./kernel.ts";
import type { Slabs } from "./slabs.ts";

const PAGE = 4096;

/** How a group is made. */
export interface GroupOptions {
  /** As the kernel knows it: `bgid`. */
  readonly id: number;
  /** Most buffers out of the slabs, provided or held. */
  readonly limit: number;
  /** Buffers provided at first; the fewer, the warmer each is in the processor's cache. */
  readonly level: number;
  /** Most buffers provided at the same time. */
  readonly levelMax: number;
  /** The kernel fills buffers bit by bit. */
  readonly incremental: boolean;
}

/**
 * A group of provided buffers: what the kernel may receive into, for one direction and size.
 *
 *     slabs ──lease──► provided (the kernel's) ──a receive──► held (chunks wait to be sent) ──┐
 *       ▲                   ▲                                                                 │
 *       └───────────────────┴────────────────── all of it was sent ◄──────────────────────────┘
 *
 * Provided buffers are handed out in ring order, so that many of them mean cold memory. Therefore
 * only `level` are provided, and more (twice as many) only when a receive has found none.
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
  /** Chunks of each buffer that wait to be sent. */
  private readonly uses: Uint32Array;
  /** Whether the kernel may still write to a buffer. */
  private readonly open: Uint8Array;
  /** Where the kernel goes on in a buffer that it fills bit by bit. */
  private readonly filled: Uint32Array;
  /** Which buffer lies at a place of the ring, and at which place a buffer lies. */
  private readonly places: Uint32Array;
  private readonly placeOf: Uint32Array;

  /** @throws Error when the kernel refuses the ring */
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

  /** No buffer can be provided until some that are held come back. */
  get dry(): boolean {
    return this.provided === 0 && this.held >= this.limit;
  }

  /** Most buffers are held: who holds some already must leave the rest to those who hold none. */
  get low(): boolean {
    return this.held > this.limit - (this.limit >>> 2);
  }

  /** A receive found no buffer: provide more from now on, where that is allowed. */
  ranOut(): void {
    this.foundNone++;
    if (this.held < this.limit) this.level = Math.min(this.levelMax, Math.max(1, this.level * 2));
  }

  /** Provides as many buffers as there should be. */
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
   * @param more the kernel goes on filling it
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

  /** A receive has taken this buffer and brought nothing: it is provided again. */
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

  /** One chunk of a buffer was sent or dropped. With the last one the buffer comes back. */
  released(index: number): void {
    const uses = (this.uses[index] as number) - 1;
    assert(uses >= 0, "released: the buffer was in use");
    this.uses[index] = uses;
    if (uses === 0 && this.open[index] === 0) this.comeBack(index);
  }

  /** The buffer that the kernel takes after this one: what a bundle goes on in. */
  after(index: number): number {
    return this.places[((this.placeOf[index] as number) + 1) & this.mask] as number;
  }

  close(): void {
    unmap(this.mapping);
  }

  /** The kernel is done with a buffer, of which at least one chunk waits. */
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
