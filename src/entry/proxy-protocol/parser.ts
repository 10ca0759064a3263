import { assert } from "../../assert.ts";
import { lengthOf, readBlock, refuseFixed } from "./block.ts";
import {
  FIXED_SIZE,
  LINE_SIZE_MAX,
  type ProxyHeader,
  type ProxyHeaderError,
  SIGNATURE_V1,
  SIGNATURE_V2,
} from "./header.ts";
import { readLine, UNKNOWN_WORD } from "./line.ts";

/** Room for every line and nearly every block; a longer block gets its own buffer. */
const ROOM_SIZE = 256;
/** The most bytes after version 2's first sixteen, by default. */
const LENGTH_MAX = 4_096;
/** Size of the longest header. */
export const HEADER_SIZE_MAX = FIXED_SIZE + LENGTH_MAX;
const LENGTH_LIMIT = 65_535;

const CR = 0x0d;
const LF = 0x0a;

/** Which part of a header the next byte belongs to. */
enum Part {
  Signature,
  /** Version 1, after its signature. */
  Line,
  /** Version 2, after its signature, up to its length. */
  Fixed,
  /** Version 2, the rest. */
  Rest,
}

/**
 * A parser's progress. `absent`: the stream does not begin with a header, which is as bad as
 * `invalid` if the header is required. An optional header lets a client claim any address, so only
 * trusted clients may send one.
 */
export type ProxyHeaderState = "partial" | "done" | "absent" | "invalid";

/**
 * Reads the PROXY header at the beginning of a stream, piece by piece. It holds the header's bytes,
 * at most 16 more than the limit, and reads nothing beyond.
 */
export class ProxyHeaderParser {
  private readonly room = new Uint8Array(ROOM_SIZE);
  private readonly lengthMax: number;

  private bytes = this.room;
  private size = 0;
  private part = Part.Signature;
  /** Size at which the part of version 2 is complete. */
  private sizeWanted = 0;
  state: ProxyHeaderState = "partial";
  /** The header, which shares no memory with the parser; null unless `done`. */
  header: ProxyHeader | null = null;
  /** The mistake; null unless `invalid`. */
  error: ProxyHeaderError | null = null;

  /** @param lengthMax the most bytes after the first sixteen of version 2, 0…65535 */
  constructor(lengthMax = LENGTH_MAX) {
    assert(lengthMax >= 0 && lengthMax <= LENGTH_LIMIT, "ProxyHeaderParser: lengthMax is 0…65535");
    this.lengthMax = lengthMax;
  }

  /**
   * The bytes that {@link push} has consumed before it knew whether they are a header: at most 11,
   * a copy. If the state is `absent`, they precede the last chunk.
   */
  get undecided(): Uint8Array {
    return this.bytes.slice(0, this.part === Part.Signature ? this.size : 0);
  }

  /** Whether the bytes so far may be those of a header, or not. */
  get isUndecided(): boolean {
    return this.part === Part.Signature;
  }

  /**
   * Reads the next bytes of the stream. The parser keeps no reference to them.
   *
   * @returns how many belong to the header: all while it is `partial`, those up to its end if it
   *   becomes `done`, those up to the mistake if it becomes `invalid`, and 0 if it becomes `absent`
   *   or was decided before
   */
  push(chunk: Uint8Array): number {
    const sizeBefore = this.size;
    let at = 0;
    while (at < chunk.length && this.state === "partial") {
      switch (this.part) {
        case Part.Signature:
          this.takeOfSignature(chunk[at++] as number);
          break;
        case Part.Line:
          this.takeOfLine(chunk[at++] as number);
          break;
        case Part.Fixed:
        case Part.Rest:
          at += this.takeOfBlock(chunk, at);
          break;
      }
    }
    if (this.state !== "absent") return at;
    // No part of this chunk is consumed; `undecided` has the earlier ones.
    this.size = sizeBefore;
    return 0;
  }

  /** The stream has ended or was given up: if the state is `partial`, it is decided now. */
  ended(): void {
    if (this.state !== "partial") return;
    if (this.part === Part.Signature) this.state = "absent";
    else this.fail("truncated");
  }

  /** Begins another stream. */
  reset(): void {
    this.bytes = this.room;
    this.size = 0;
    this.part = Part.Signature;
    this.state = "partial";
    this.header = null;
    this.error = null;
  }

  private takeOfSignature(byte: number): void {
    const first = this.size === 0 ? byte : this.bytes[0];
    const signature = first === SIGNATURE_V1[0] ? SIGNATURE_V1 : SIGNATURE_V2;
    if (byte !== signature[this.size]) {
      this.state = "absent";
      return;
    }
    this.bytes[this.size++] = byte;
    if (this.size < signature.length) return;
    this.part = signature === SIGNATURE_V1 ? Part.Line : Part.Fixed;
    this.sizeWanted = FIXED_SIZE;
  }

  private takeOfLine(byte: number): void {
    const isAfterCr = this.bytes[this.size - 1] === CR;
    this.bytes[this.size++] = byte;
    if (isAfterCr && byte === LF) {
      this.finish(readLine(this.text(SIGNATURE_V1.length, this.size - 2)));
    } else if ((isAfterCr || byte === LF) && !this.isUnknown()) {
      this.fail("bad_line");
    } else if (this.size === LINE_SIZE_MAX) {
      this.fail("too_long");
    }
  }

  private takeOfBlock(chunk: Uint8Array, from: number): number {
    const count = Math.min(this.sizeWanted - this.size, chunk.length - from);
    this.bytes.set(chunk.subarray(from, from + count), this.size);
    this.size += count;
    if (this.size === this.sizeWanted) this.endPart();
    return count;
  }

  private endPart(): void {
    if (this.part === Part.Fixed) {
      const error = refuseFixed(this.bytes, this.lengthMax);
      if (error !== null) {
        this.fail(error);
        return;
      }
      this.part = Part.Rest;
      this.sizeWanted = FIXED_SIZE + lengthOf(this.bytes);
      if (this.sizeWanted > ROOM_SIZE) this.makeRoom();
      if (this.size < this.sizeWanted) return;
    }
    this.finish(readBlock(this.bytes.subarray(0, this.size)));
  }

  private makeRoom(): void {
    this.bytes = new Uint8Array(this.sizeWanted);
    this.bytes.set(this.room.subarray(0, this.size));
  }

  private finish(result: ProxyHeader | ProxyHeaderError): void {
    if (typeof result === "string") {
      this.fail(result);
      return;
    }
    this.state = "done";
    this.header = result;
    this.bytes = this.room;
  }

  private fail(error: ProxyHeaderError): void {
    this.state = "invalid";
    this.error = error;
    this.bytes = this.room;
  }

  private isUnknown(): boolean {
    const from = SIGNATURE_V1.length;
    return this.text(from, from + UNKNOWN_WORD.length + 1) === `${UNKNOWN_WORD} `;
  }

  /** The bytes as Latin-1, so that other encodings cannot pass as ASCII. */
  private text(from: number, to: number): string {
    return String.fromCharCode(...this.bytes.subarray(from, to));
  }
}
