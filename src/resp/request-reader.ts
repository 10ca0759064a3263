import { copyOf } from "../base/bytes.ts";
import { splitInline } from "./inline.ts";
import { LineState, NumberLine } from "./number-line.ts";

/** What {@link RequestReader.read} found. */
export enum Found {
  /** All bytes are read, and the request is not whole. */
  More,
  /** One request is whole; it ends at {@link RequestReader.at}. */
  Request,
  /** Bytes that are no request and get no reply, such as an empty line, end at {@link RequestReader.at}. */
  Nothing,
  /** The stream breaks the protocol: {@link RequestReader.error} says how. Nothing can follow. */
  Failed,
}

enum Phase {
  Start,
  Count,
  Dollar,
  Length,
  Bytes,
  Inline,
}

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const DOLLAR = 36;
const STAR = 42;
const ZERO = 48;
const NINE = 57;

/** Valkey's limits: `INT_MAX` arguments, `proto-max-bulk-len` and `PROTO_INLINE_MAX_SIZE` bytes. */
const ARGS_MAX = 2 ** 31 - 1;
const BULK_BYTES_MAX = 512 * 1024 * 1024;
const INLINE_BYTES_MAX = 64 * 1024;

/** The longest argument of which a copy is made, in bytes; of a longer one only the beginning is kept. */
export const KEPT_BYTES_MAX = 512;

/**
 * How many arguments of a request are to be kept, the name included, once the name is known. With 1 the name is not
 * kept either: whoever is asked knows it.
 *
 * @param bytes valid during the call; the name, as the client wrote it, lies in them from `from` to `to`, cut to
 *   {@link KEPT_BYTES_MAX} bytes
 */
export type ArgsWanted = (bytes: Uint8Array, from: number, to: number) => number;

/**
 * Finds where requests end in a byte stream: arrays of bulk strings and inline commands, in any pieces. It
 * keeps nothing of the stream but the first bytes of those arguments that somebody wants to read, so that a
 * value of any size passes without being held.
 *
 *     read(bytes, 0) = Request, at = 31 ─► read(bytes, 31) = Request, at = 62 ─► read(bytes, 62) = More
 *
 * It accepts less than Valkey does: where Valkey takes any two bytes for the end of a line, only CR LF is
 * accepted. What it accepts, Valkey divides in the same way, so that one client's bytes can never become
 * another one's request.
 *
 * Owner: one client. Never throws. Source: networking.c of Valkey, processMultibulkBuffer.
 */
export class RequestReader {
  /** Where reading stopped: behind the last byte that was read, in the bytes of the last call. */
  at = 0;
  /** Why the stream broke the protocol, as Valkey would say it; empty if it did not. */
  error = "";
  /** Bytes of the request so far; all of them once it is whole. */
  size = 0;
  /** Arguments of the request, its name included. */
  argCount = 0;
  /** The request is one line of text; {@link args} has all of it. */
  isInline = false;
  /** The arguments that were wanted, in order. Those of {@link KEPT_BYTES_MAX} bytes may be cut. */
  readonly args: Uint8Array[] = [];
  private phase = Phase.Start;
  private readonly number = new NumberLine();
  /** Arguments that have not begun, the one that is being read included. */
  private argsLeft = 0;
  /** Bytes of the argument that is being read, with the two behind it. */
  private bytesLeft = 0;
  private wantedCount = 1;
  private readonly line: number[] = [];

  constructor(private readonly wanted: ArgsWanted) {}

  /** Bytes that the request has at least, as far as its lengths are known. */
  get expectedSize(): number {
    return this.size + (this.phase === Phase.Bytes ? this.bytesLeft : 0);
  }

  /** A line is being read, of which nothing is known before its end. It has at most 64 KiB. */
  get isInLine(): boolean {
    return this.phase === Phase.Inline;
  }

  /** Its name was read. */
  get isNamed(): boolean {
    return this.argsLeft < this.argCount;
  }

  /** No byte of a request was read. */
  get isIdle(): boolean {
    return this.phase === Phase.Start;
  }

  /**
   * Reads on, at most to the end of the next request.
   *
   * @param bytes the next ones of the stream from `from` on; what stands before was read
   */
  read(bytes: Uint8Array, from: number): Found {
    let at = from;
    if (this.phase === Phase.Start) {
      this.begin();
      const end = this.scan(bytes, from);
      if (end > 0) return this.found(Found.Request, end);
    }
    while (at < bytes.length) {
      if (this.phase === Phase.Bytes) {
        const part = Math.min(this.bytesLeft, bytes.length - at);
        this.keep(bytes, at, part);
        at += part;
        this.size += part;
        this.bytesLeft -= part;
        if (this.bytesLeft > 0) continue;
        if (this.argRead()) return this.found(Found.Request, at);
      } else {
        const found = this.readByte(bytes[at] as number);
        at++;
        this.size++;
        if (found !== Found.More) return this.found(found, at);
      }
    }
    this.at = at;
    return Found.More;
  }

  /**
   * Reads a request that lies there as a whole and is as almost all are, which costs a fraction of reading it byte by
   * byte. Changes nothing unless it finds one.
   *
   * @returns where it ends; 0 if it is not so simple
   */
  private scan(bytes: Uint8Array, from: number): number {
    if (bytes[from] !== STAR) return 0;
    let at = lengthEnd(bytes, from + 1);
    const count = scanned;
    if (at === 0 || count === 0) return 0;
    let nameFrom = 0;
    let nameTo = 0;
    for (let left = count; left > 0; left--) {
      if (bytes[at] !== DOLLAR) return 0;
      at = lengthEnd(bytes, at + 1);
      if (at === 0) return 0;
      const end = at + scanned;
      if (end + 2 > bytes.length) return 0;
      if (left === count) {
        nameFrom = at;
        nameTo = end;
      }
      at = end + 2;
    }
    this.argCount = count;
    this.size = at - from;
    const wanted = this.wanted(bytes, nameFrom, Math.min(nameTo, nameFrom + KEPT_BYTES_MAX));
    if (wanted > 1) this.keepScanned(bytes, nameFrom, Math.min(wanted, count));
    return at;
  }

  /** Keeps arguments of a request that was scanned. @param from where the first one begins */
  private keepScanned(bytes: Uint8Array, from: number, count: number): void {
    let at = lengthStart(bytes, from);
    for (let left = count; left > 0; left--) {
      const start = lengthEnd(bytes, at + 1);
      this.args.push(copyOf(bytes, start, start + Math.min(scanned, KEPT_BYTES_MAX)));
      at = start + scanned + 2;
    }
  }

  private begin(): void {
    this.size = 0;
    this.argCount = 0;
    this.isInline = false;
    this.args.length = 0;
    this.wantedCount = 1;
  }

  private found(found: Found, at: number): Found {
    this.at = at;
    this.phase = Phase.Start;
    return found;
  }

  private readByte(byte: number): Found {
    switch (this.phase) {
      case Phase.Count:
        return this.readCount(byte);
      case Phase.Dollar:
        return this.readDollar(byte);
      case Phase.Length:
        return this.readLength(byte);
      case Phase.Inline:
        return this.readInline(byte);
      default:
        if (byte !== STAR) return this.readInline(byte);
        this.phase = Phase.Count;
        this.number.begin();
        return Found.More;
    }
  }

  private readCount(byte: number): Found {
    const state = this.number.push(byte);
    if (state === LineState.More) return Found.More;
    const { value } = this.number;
    if (state === LineState.Broken || value > ARGS_MAX)
      return this.fail("invalid multibulk length");
    // Valkey takes an empty or null array for no request at all, and answers nothing.
    if (value <= 0) return Found.Nothing;
    this.argCount = value;
    this.argsLeft = value;
    this.phase = Phase.Dollar;
    return Found.More;
  }

  private readDollar(byte: number): Found {
    if (byte !== DOLLAR) {
      const isPrintable = byte > 32 && byte < 127;
      return this.fail(`expected '$', got '${isPrintable ? String.fromCharCode(byte) : " "}'`);
    }
    this.phase = Phase.Length;
    this.number.begin();
    return Found.More;
  }

  private readLength(byte: number): Found {
    const state = this.number.push(byte);
    if (state === LineState.More) return Found.More;
    const { value } = this.number;
    const isLength = state === LineState.Whole && value >= 0 && value <= BULK_BYTES_MAX;
    if (!isLength) return this.fail("invalid bulk length");
    this.bytesLeft = value + 2;
    this.phase = Phase.Bytes;
    if (this.isWanted) this.args.push(new Uint8Array(0));
    return Found.More;
  }

  private readInline(byte: number): Found {
    const { line } = this;
    this.phase = Phase.Inline;
    if (byte !== LINE_FEED) {
      // Valkey looks for the end of the line no further than a NUL, and would wait for ever.
      if (byte === 0) return this.fail("invalid byte in inline request");
      if (line.push(byte) > INLINE_BYTES_MAX) return this.fail("too big inline request");
      return Found.More;
    }
    if (line.at(-1) === CARRIAGE_RETURN) line.pop();
    const args = splitInline(Uint8Array.from(line));
    line.length = 0;
    if (args === undefined) return this.fail("unbalanced quotes in request");
    if (args.length === 0) return Found.Nothing;
    this.args.push(...args);
    this.argCount = args.length;
    this.isInline = true;
    return Found.Request;
  }

  private get isWanted(): boolean {
    return this.argCount - this.argsLeft < this.wantedCount;
  }

  /** Keeps what is wanted of an argument's next bytes. */
  private keep(bytes: Uint8Array, at: number, size: number): void {
    if (!this.isWanted) return;
    const last = this.args.length - 1;
    const kept = this.args[last] as Uint8Array;
    // The two bytes behind the argument are none of it.
    const part = Math.min(size, this.bytesLeft - 2, KEPT_BYTES_MAX - kept.length);
    if (part <= 0) return;
    const piece = copyOf(bytes, at, at + part);
    this.args[last] = kept.length === 0 ? piece : Buffer.concat([kept, piece]);
  }

  /** An argument is whole. @returns whether the request is, too */
  private argRead(): boolean {
    const isName = this.argsLeft === this.argCount;
    if (isName) {
      const name = this.args[0] as Uint8Array;
      this.wantedCount = this.wanted(name, 0, name.length);
    }
    this.argsLeft--;
    this.phase = Phase.Dollar;
    return this.argsLeft === 0;
  }

  private fail(reason: string): Found {
    this.error = `Protocol error: ${reason}`;
    this.args.length = 0;
    this.line.length = 0;
    return Found.Failed;
  }
}

/** The length that {@link lengthEnd} has read. */
let scanned = 0;

/**
 * Reads the digits of a length that is at most {@link BULK_BYTES_MAX}, and the end of its line.
 *
 * @returns where the next line begins; 0 if it is not there, or not so simple
 */
function lengthEnd(bytes: Uint8Array, from: number): number {
  const first = bytes[from] as number;
  // A length of 0 has nothing behind its first digit; a number that begins with 0 is none.
  if (!(first >= ZERO && first <= NINE)) return 0;
  let value = first - ZERO;
  let at = from + 1;
  if (value > 0) {
    for (
      let byte = bytes[at] as number;
      byte >= ZERO && byte <= NINE;
      byte = bytes[++at] as number
    ) {
      value = value * 10 + (byte - ZERO);
      if (value > BULK_BYTES_MAX) return 0;
    }
  }
  if (bytes[at] !== CARRIAGE_RETURN || bytes[at + 1] !== LINE_FEED) return 0;
  scanned = value;
  return at + 2;
}

/** Where the `$` of an argument is. @param from where its bytes begin */
function lengthStart(bytes: Uint8Array, from: number): number {
  let at = from - 1;
  while (bytes[at] !== DOLLAR) at--;
  return at;
}
