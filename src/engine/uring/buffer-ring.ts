import type { Mapping } from "../../system/linux.ts";
import { BUF_SIZE } from "./abi.ts";

const BUF_WORDS = BUF_SIZE / 4;
/** Halfwords of an entry: its number, and behind it, in the first entry, the ring's tail. */
const NUMBER_HALFWORD = 6;
const TAIL_HALFWORD = 7;

/**
 * The entries of a ring of provided buffers (`struct io_uring_buf_ring`), in memory that the kernel
 * reads. A pushed buffer belongs to the kernel once the tail is published.
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
   * @param offset where the entries begin in the mapping, on a page boundary
   * @param entries a power of two, at most 32,768
   */
  constructor(mapping: Mapping, offset: number, entries: number) {
    this.words = new Uint32Array(mapping.buffer, offset, entries * BUF_WORDS);
    this.halfwords = new Uint16Array(mapping.buffer, offset, entries * BUF_WORDS * 2);
    this.mask = entries - 1;
  }

  /** The place of the next buffer. */
  get place(): number {
    return this.tail & this.mask;
  }

  /** Adds a buffer: the 32-bit halves of its address, its length and its number. */
  push(addressLow: number, addressHigh: number, length: number, number: number): void {
    const at = this.place * BUF_WORDS;
    const { words } = this;
    words[at] = addressLow;
    words[at + 1] = addressHigh;
    words[at + 2] = length;
    // A halfword, because the upper half of this word is the tail in the first entry.
    this.halfwords[at * 2 + NUMBER_HALFWORD] = number;
    this.tail = (this.tail + 1) & 0xffff;
  }

  /** Shows the kernel the pushed buffers. */
  publish(): void {
    if (this.published === this.tail) return;
    this.published = this.tail;
    Atomics.store(this.halfwords, TAIL_HALFWORD, this.tail);
  }

  /** Empties the ring, before it is registered again. */
  reset(): void {
    this.tail = 0;
    this.publish();
  }
}
