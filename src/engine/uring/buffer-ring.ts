import type { Mapping } from "../../system/linux.ts";
import { BUF_SIZE } from "./abi.ts";

const BUF_WORDS = BUF_SIZE / 4;
/** Of an entry, in halfwords: its number, and in the first entry the ring's tail behind it. */
const NUMBER_HALFWORD = 6;
const TAIL_HALFWORD = 7;

/**
 * The entries of a ring of provided buffers (`struct io_uring_buf_ring`), in memory that the kernel
 * reads. A pushed buffer is the kernel's as soon as the tail behind it is published.
 *
 *     entry   [ address: 8 bytes ][ length: 4 ][ number: 2 ][ 2 bytes, the tail in entry 0 ]
 */
export class BufferRing {
  private readonly words: Uint32Array;
  private readonly halfwords: Uint16Array;
  private readonly mask: number;
  private tail = 0;
  private published = 0;

  /**
   * @param offset of the entries in the mapping, on a page boundary
   * @param entries a power of two, at most 32,768
   */
  constructor(mapping: Mapping, offset: number, entries: number) {
    this.words = new Uint32Array(mapping.buffer, offset, entries * BUF_WORDS);
    this.halfwords = new Uint16Array(mapping.buffer, offset, entries * BUF_WORDS * 2);
    this.mask = entries - 1;
  }

  /** The place that the next buffer comes to. */
  get place(): number {
    return this.tail & this.mask;
  }

  /** Adds a buffer, as 32-bit halves of its address, its length and its number. */
  push(addressLow: number, addressHigh: number, length: number, number: number): void {
    const at = this.place * BUF_WORDS;
    const { words } = this;
    words[at] = addressLow;
    words[at + 1] = addressHigh;
    words[at + 2] = length;
    // A halfword and not the word, whose upper half is the tail in the first entry.
    this.halfwords[at * 2 + NUMBER_HALFWORD] = number;
    this.tail = (this.tail + 1) & 0xffff;
  }

  /** Shows the kernel what was pushed. */
  publish(): void {
    if (this.published === this.tail) return;
    this.published = this.tail;
    Atomics.store(this.halfwords, TAIL_HALFWORD, this.tail);
  }

  /** Begins anew, for a ring that is registered anew. */
  reset(): void {
    this.tail = 0;
    this.publish();
  }
}
