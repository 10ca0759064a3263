import { holds } from "../model/fuzz.ts";
import { addressIn, bytesAt } from "./memory.ts";

const ENTRY_BYTES = 16;
const TAIL_HALFWORD = 7;
/** What provided buffers are filled with: the kernel may write to them at any time. */
const POISON = 0xdb;

/** A provided buffer, as the kernel knows it. */
interface Provided {
  readonly id: number;
  readonly address: number;
  readonly size: number;
  /** Where the kernel goes on writing. */
  filled: number;
}

/** What a receive got of a buffer. */
export interface Piece {
  readonly id: number;
  readonly bytes: Uint8Array;
  /** The rest of the buffer stays provided. */
  readonly more: boolean;
}

/** The kernel's side of a ring of provided buffers (`struct io_uring_buf_ring`). */
export class BufferRing {
  /** Buffers that the kernel has, oldest first. */
  readonly provided: Provided[] = [];
  /** All that were ever provided. */
  providedCount = 0;
  private seen = 0;
  private readonly halfwords: Uint16Array;
  private readonly words: Uint32Array;

  constructor(
    address: number,
    private readonly entries: number,
    readonly isIncremental: boolean,
    private readonly isToSend: boolean,
  ) {
    const bytes = bytesAt(address, entries * ENTRY_BYTES);
    this.words = new Uint32Array(bytes.buffer);
    this.halfwords = new Uint16Array(bytes.buffer);
    holds((entries & (entries - 1)) === 0, "a ring of buffers has a power of two of entries");
  }

  /** Whether the kernel has this buffer. */
  has(id: number): boolean {
    return this.provided.some((one) => one.id === id);
  }

  /** Sees what was provided since the last look. */
  look(): void {
    const tail = this.halfwords[TAIL_HALFWORD] as number;
    for (; this.seen !== tail; this.seen = (this.seen + 1) & 0xffff) {
      const at = (this.seen & (this.entries - 1)) * 4;
      const id = this.halfwords[at * 2 + 6] as number;
      holds(!this.has(id), "a buffer is not provided twice");
      holds(this.provided.length < this.entries, "a ring of buffers is not overrun");
      const size = this.words[at + 2] as number;
      const address = addressIn(this.words[at] as number, this.words[at + 1] as number);
      if (!this.isToSend) bytesAt(address, size).fill(POISON);
      this.provided.push({ id, address, size, filled: 0 });
      this.providedCount++;
    }
  }

  /** Bytes that the next receive may bring, 0 when there is no buffer. */
  get room(): number {
    const [first] = this.provided;
    return first === undefined ? 0 : first.size - first.filled;
  }

  /** The same for a receive that may fill all of them. */
  get bundleRoom(): number {
    return this.provided.reduce((sum, { size, filled }) => sum + size - filled, 0);
  }

  /** Takes as many buffers as `size` bytes need. */
  takeBundle(size: number): Piece[] {
    const pieces: Piece[] = [];
    for (let left = size; left > 0; ) {
      const piece = this.take(Math.min(left, this.room));
      pieces.push(piece);
      left -= piece.bytes.length;
    }
    return pieces;
  }

  /** Takes the next buffers with what lies in them: all, or only the first. */
  takeFull(all: boolean): Uint8Array[] {
    const count = Math.min(all ? Infinity : 1, this.provided.length);
    return this.provided.splice(0, count).map(({ address, size }) => bytesAt(address, size));
  }

  /** Takes the next buffer for `size` bytes. */
  take(size: number): Piece {
    const first = this.provided[0] as Provided;
    const bytes = bytesAt(first.address + first.filled, Math.max(size, 1)).subarray(0, size);
    first.filled += size;
    const more = this.isIncremental && first.filled < first.size;
    if (!more) this.provided.shift();
    return { id: first.id, bytes, more };
  }
}
