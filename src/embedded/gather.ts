/** A byte buffer that grows by doubling: the pieces of one value that came in many chunks become
 *  one array, with at most two copies per byte however small the chunks are.
 *
 *  Invariant: `length` ≤ `buffer.length` ≤ max(64, 2 × the bytes that have arrived), so that a
 *  client which only announces a large value costs nothing. Owner: one RequestParser. */
export class Gather {
  private buffer = EMPTY;
  private used = 0;

  /** Bytes gathered so far. */
  get length(): number {
    return this.used;
  }

  /** Appends a copy of `bytes`. `sizeMax` is the size that the value will have in the end, in
   *  bytes: the buffer never grows past it, so that a finished value occupies exactly its own
   *  size. */
  append(bytes: Uint8Array, sizeMax: number): void {
    const size = this.used + bytes.length;
    if (size > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(sizeMax, Math.max(64, 2 * size)));
      grown.set(this.buffer.subarray(0, this.used));
      this.buffer = grown;
    }
    this.buffer.set(bytes, this.used);
    this.used = size;
  }

  /** Hands over the gathered bytes, without copying them, and starts anew. The caller owns them. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.used);
    this.buffer = EMPTY;
    this.used = 0;
    return taken;
  }
}

/** No bytes: shared, never written to. */
export const EMPTY: Buffer = Buffer.alloc(0);
