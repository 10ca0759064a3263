import { assert } from "../../assert.ts";

/** Stands for no chunk: the end of a queue. */
export const NONE = -1;

/**
 * The received pieces of all flows that wait to be sent, as linked lists in typed arrays.
 *
 *     lane.first ─► [ buffer 7, 0…512 ] ─► [ buffer 2, 0…4096 ] ─► NONE
 *
 * A chunk is a range of one buffer. Usually a buffer holds one chunk; a buffer that the kernel
 * fills incrementally holds several, of different flows. Taking and freeing chunks allocates
 * nothing, and an idle flow costs two numbers. The tables grow by doubling; the memory that chunks
 * lie in bounds them.
 *
 * Owner: a loop. Each chunk is in exactly one queue, or free.
 */
export class Chunks {
  /** The chunk behind this one in its queue, or {@link NONE}. */
  next: Int32Array;
  /** The buffer that it lies in; see {@link Memory}. */
  buffer: Uint32Array;
  /** The offset of its first unsent byte in the buffer. */
  start: Uint32Array;
  /** The offset behind its last byte. */
  end: Uint32Array;
  /** Chunks in queues. */
  used = 0;
  private free = NONE;

  constructor(capacity = 256) {
    this.next = new Int32Array(capacity);
    this.buffer = new Uint32Array(capacity);
    this.start = new Uint32Array(capacity);
    this.end = new Uint32Array(capacity);
    this.addFree(0);
  }

  /** A new chunk, not in a queue yet. */
  take(buffer: number, start: number, end: number): number {
    assert(start < end, "chunk: it holds at least one byte");
    if (this.free === NONE) this.grow();
    const chunk = this.free;
    this.free = this.next[chunk] as number;
    this.used++;
    this.next[chunk] = NONE;
    this.buffer[chunk] = buffer;
    this.start[chunk] = start;
    this.end[chunk] = end;
    return chunk;
  }

  /** Frees a chunk that is in no queue. */
  release(chunk: number): void {
    this.used--;
    this.next[chunk] = this.free;
    this.free = chunk;
  }

  private grow(): void {
    const before = this.next.length;
    const capacity = before * 2;
    const larger = <T extends Int32Array | Uint32Array>(into: T, from: T): T => {
      into.set(from);
      return into;
    };
    this.next = larger(new Int32Array(capacity), this.next);
    this.buffer = larger(new Uint32Array(capacity), this.buffer);
    this.start = larger(new Uint32Array(capacity), this.start);
    this.end = larger(new Uint32Array(capacity), this.end);
    this.addFree(before);
  }

  /** Adds the chunks from `first` on to the free list, the first one first. */
  private addFree(first: number): void {
    for (let chunk = this.next.length - 1; chunk >= first; chunk--) {
      this.next[chunk] = this.free;
      this.free = chunk;
    }
  }
}
