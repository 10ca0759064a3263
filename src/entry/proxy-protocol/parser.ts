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

/** Room for every line and for nearly every block; a longer one is given room of its own. */
const ROOM_SIZE = 256;
/** Default of the most bytes after version 2's first sixteen. */
const LENGTH_MAX = 4_096;
/** The bytes that a header has at most. */
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
 * How far a parser has come. `absent`: the stream does not begin with a header. Where one must be
 * there that is as bad as `invalid`. One that may be left out lets any client claim any address, so
 * that is for trusted clients only.
 */
export type ProxyHeaderState = "partial" | "done" | "absent" | "invalid";

/**
 * Reads the PROXY header at the beginning of a stream, as its bytes come. It holds what it was given
 * of a header, at most 16 bytes and the limit, and reads nothing that stands behind.
 */
export class ProxyHeaderParser {
  private readonly room = new Uint8Array(ROOM_SIZE);
  private readonly lengthMax: number;

  private bytes = this.room;
  private size = 0;
  private part = Part.Signature;
  /** Size at which the part of version 2 is complete. */
  private sizeWanted = 0;
  private currentState: ProxyHeaderState = "partial";
  private currentHeader: ProxyHeader | null = null;
  private currentError: ProxyHeaderError | null = null;

  /** @param lengthMax most bytes after version 2's first sixteen, 0…65535; more is `too_long` */
  constructor(lengthMax = LENGTH_MAX) {
    assert(lengthMax >= 0 && lengthMax <= LENGTH_LIMIT, "ProxyHeaderParser: lengthMax is 0…65535");
    this.lengthMax = lengthMax;
  }

  get state(): ProxyHeaderState {
    return this.currentState;
  }

  /** What the header says; null unless `done`. Nothing of it belongs to the parser. */
  get header(): ProxyHeader | null {
    return this.currentHeader;
  }

  /** What is wrong; null unless `invalid`. */
  get error(): ProxyHeaderError | null {
    return this.currentError;
  }

  /**
   * The bytes that {@link push} has consumed while they could be anything: at most 11, a copy. When
   * the state is `absent` they are the stream's beginning, before the chunk that told so.
   */
  get undecided(): Uint8Array {
    return this.bytes.slice(0, this.part === Part.Signature ? this.size : 0);
  }

  /** The bytes so far may be a header's, or none at all. */
  get isUndecided(): boolean {
    return this.part === Part.Signature;
  }

  /**
   * Takes the next bytes of the stream. Nothing of them is kept by reference.
   *
   * @returns how many belong to the header: all of them while it is `partial`, those before its end
   *   when they bring it to `done`, those up to what is wrong when they bring it to `invalid`, and 0
   *   when they tell that it is `absent`, or it was decided before
   */
  push(chunk: Uint8Array): number {
    const sizeBefore = this.size;
    let at = 0;
    while (at < chunk.length && this.currentState === "partial") {
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
    if (this.currentState !== "absent") return at;
    // The chunk goes where an ordinary stream's goes, whole; only earlier ones are handed back.
    this.size = sizeBefore;
    return 0;
  }

  /** The stream has ended, or has been given up: whatever is `partial` is decided. */
  ended(): void {
    if (this.currentState !== "partial") return;
    if (this.part === Part.Signature) this.currentState = "absent";
    else this.fail("truncated");
  }

  /** Forgets everything: the next byte is the first one of another stream. */
  reset(): void {
    this.bytes = this.room;
    this.size = 0;
    this.part = Part.Signature;
    this.currentState = "partial";
    this.currentHeader = null;
    this.currentError = null;
  }

  private takeOfSignature(byte: number): void {
    const first = this.size === 0 ? byte : this.bytes[0];
    const signature = first === SIGNATURE_V1[0] ? SIGNATURE_V1 : SIGNATURE_V2;
    if (byte !== signature[this.size]) {
      this.currentState = "absent";
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
    this.currentState = "done";
    this.currentHeader = result;
    this.bytes = this.room;
  }

  private fail(error: ProxyHeaderError): void {
    this.currentState = "invalid";
    this.currentError = error;
    this.bytes = this.room;
  }

  private isUnknown(): boolean {
    const from = SIGNATURE_V1.length;
    return this.text(from, from + UNKNOWN_WORD.length + 1) === `${UNKNOWN_WORD} `;
  }

  /** One letter per byte, so that only ASCII is what it seems. */
  private text(from: number, to: number): string {
    return String.fromCharCode(...this.bytes.subarray(from, to));
  }
}
