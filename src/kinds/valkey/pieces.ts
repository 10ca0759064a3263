import { copyOf } from "../../base/bytes.ts";
import { NOTHING } from "../../resp/write.ts";

/**
 * Bytes that came in pieces, in one piece: a client that sends byte by byte must not cost an object for each.
 *
 * Owner: the requests of one client.
 */
export class Pieces {
  /** The first {@link size} of these are the bytes. */
  bytes: Uint8Array = NOTHING;
  size = 0;

  add(bytes: Uint8Array, from: number, to: number): void {
    const end = this.size + to - from;
    if (this.size === 0) this.bytes = copyOf(bytes, from, to);
    else {
      if (end > this.bytes.length) this.grow(end);
      this.bytes.set(bytes.subarray(from, to), this.size);
    }
    this.size = end;
  }

  /** A copy of all of them, and more behind them. */
  with(bytes: Uint8Array, from: number, to: number): Uint8Array {
    const all = new Uint8Array(this.size + to - from);
    all.set(this.bytes.subarray(0, this.size));
    all.set(bytes.subarray(from, to), this.size);
    return all;
  }

  clear(): void {
    this.bytes = NOTHING;
    this.size = 0;
  }

  private grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.size));
    this.bytes = larger;
  }
}
