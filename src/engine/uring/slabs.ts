import { assert } from "../../assert.ts";
import { forsake, type Mapping, mapMemory, unmap } from "../../system/linux.ts";

/** Least bytes of a slab, unless the count is reached before. */
const SLAB_BYTES = 1024 * 1024;

/** How many buffers the kernel's 16 bits can name. */
export const BUFFERS_MAX = 65_536;

/**
 * Buffers of one size for the kernel to write into. They are parts of slabs of at least 1 MiB,
 * which are mapped as needed, up to `count` buffers. A buffer is named by its index. Its address,
 * which is needed most often, is kept in two tables of 32-bit words, as the kernel takes it.
 *
 * The buffer released last is leased first, because it is still in the processor's cache.
 *
 * Owner: a loop. Invariant: `leased + free = buffers of all slabs ≤ count`.
 */
export class Slabs {
  /** Buffers leased now. */
  leased = 0;
  readonly addressLow: Uint32Array;
  readonly addressHigh: Uint32Array;
  private readonly mappings: Mapping[] = [];
  private readonly freeStack: Uint32Array;
  private freeCount = 0;
  private made = 0;
  private readonly out: Uint8Array;

  /**
   * @param size bytes of a buffer
   * @param count most buffers, 1…{@link BUFFERS_MAX}
   * @param huge whether to ask for huge pages
   * @param onSlab called after a slab was added
   */
  constructor(
    readonly size: number,
    readonly count: number,
    private readonly huge: boolean,
    private readonly onSlab: () => void,
  ) {
    assert(count >= 1 && count <= BUFFERS_MAX, "slabs: 1..65536 buffers");
    this.addressLow = new Uint32Array(count);
    this.addressHigh = new Uint32Array(count);
    this.freeStack = new Uint32Array(count);
    this.out = new Uint8Array(count);
  }

  /** Buffers of a slab; the last slab may have fewer. */
  private get perSlab(): number {
    return Math.max(1, Math.floor(SLAB_BYTES / this.size));
  }

  /** Bytes of all slabs. */
  get bytes(): number {
    return this.made * this.size;
  }

  /** Leases a buffer. @returns −1 if all are leased */
  lease(): number {
    if (this.freeCount === 0) {
      if (this.made === this.count) return -1;
      this.addSlab();
    }
    const index = this.freeStack[--this.freeCount] as number;
    this.out[index] = 1;
    this.leased++;
    return index;
  }

  /** Gives a leased buffer back. */
  release(index: number): void {
    assert(this.out[index] === 1, "release: the buffer is leased");
    this.out[index] = 0;
    this.leased--;
    this.freeStack[this.freeCount++] = index;
  }

  /** The address of a byte in a buffer. */
  address(index: number, offset: number): number {
    const high = this.addressHigh[index] as number;
    return high * 2 ** 32 + (this.addressLow[index] as number) + offset;
  }

  /** A view of bytes of a buffer. */
  view(index: number, offset: number, size: number): Uint8Array {
    const { buffer } = this.mappings[Math.floor(index / this.perSlab)] as Mapping;
    return new Uint8Array(buffer, (index % this.perSlab) * this.size + offset, size);
  }

  /** Frees the memory. No operation may be in flight. */
  close(): void {
    for (const mapping of this.mappings) unmap(mapping);
  }

  /** Frees the memory but keeps its addresses, so that late writes hit nothing else. */
  forsake(): void {
    for (const mapping of this.mappings) forsake(mapping);
  }

  private addSlab(): void {
    const buffers = Math.min(this.perSlab, this.count - this.made);
    const mapping = mapMemory(buffers * this.size, this.huge);
    this.mappings.push(mapping);
    const first = this.made;
    for (let i = 0; i < buffers; i++) {
      const address = mapping.address + i * this.size;
      this.addressLow[first + i] = address >>> 0;
      this.addressHigh[first + i] = Math.floor(address / 2 ** 32);
    }
    // Pushed in reverse, so that a new slab is used from its beginning.
    for (let i = buffers - 1; i >= 0; i--) this.freeStack[this.freeCount++] = first + i;
    this.made += buffers;
    this.onSlab();
  }
}
