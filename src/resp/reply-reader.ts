import { LineState, NumberLine } from "./number-line.ts";

/** What {@link ReplyReader.read} found. */
export enum ReplyFound {
  /** All bytes are read, and the reply is not whole. */
  More,
  /** One reply is whole; it ends at {@link ReplyReader.at}. */
  Reply,
  /** What came is no reply of RESP2 or RESP3: {@link ReplyReader.error} says why. Nothing can follow. */
  Failed,
}

enum Phase {
  /** Before the byte that says what an element is. */
  Type,
  /** In a line of text whose end is all that matters. */
  Text,
  /** In the number of a `$3` or `*2`. */
  Length,
  /** Behind the `?` of `$?` or `*?`, before the end of its line. */
  Streamed,
  /** In the bytes of a string, or the two behind it. */
  Bytes,
  /** Before a `;`, which begins the next piece of a streamed string. */
  Piece,
  /** In the number of a `;3`. */
  PieceLength,
}

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const SEMICOLON = 59;
const QUESTION_MARK = 63;

enum Type {
  Attribute = 124, // |
  Push = 62, // >
  Map = 37, // %
  Array = 42, // *
  Set = 126, // ~
  Bulk = 36, // $
  BulkError = 33, // !
  Verbatim = 61, // =
  End = 46, // .
  SimpleError = 45, // -
}

/** Lines of text: `+ : _ # , ( -`. */
const TEXT_TYPES = new Set([43, 58, 95, 35, 44, 40, 45]);

/** The deepest nesting that is followed. A script of Valkey may return some 8,000 arrays in each other. */
const DEPTH_MAX = 65_536;
/** What an aggregate of which the end comes later has left. */
const OPEN_END = -1;
/** The most elements and bytes that a length may announce. */
const COUNT_MAX = 2 ** 32 - 1;
const BYTES_MAX = 512 * 1024 * 1024;

/** Bytes of an error's text that are kept: the code in front, such as `READONLY`, and some words. */
const ERROR_BYTES_MAX = 64;

/**
 * Finds where replies end in what a server sends, RESP2 and RESP3, in any pieces: attributes belong to the reply
 * behind them, pushes are replies that nobody asked for, aggregates and strings may be streamed. It keeps nothing
 * but the first bytes of an error's text.
 *
 * Owner: one connection to an upstream. Never throws. Source: the RESP3 specification; Valkey's networking.c.
 */
export class ReplyReader {
  /** Where reading stopped, in the bytes of the last call. */
  at = 0;
  /** What is wrong with the stream; empty if nothing is. */
  error = "";
  /** Bytes of the reply so far, its attributes included; all of them once it is whole. */
  size = 0;
  /** The first byte of the reply, as a character; of the last attribute as long as only those came. */
  private type = 0;
  private phase = Phase.Type;
  private readonly number = new NumberLine();
  private elementType = 0;
  private bytesLeft = 0;
  private isFirstOfLength = false;
  private isLineEnding = false;
  /** The reply is whole: the next call begins another one. */
  private isDone = false;
  /** For each open aggregate, from the outermost: elements that have not ended, and what it is. */
  private readonly left: number[] = [];
  private readonly types: number[] = [];
  private readonly errorBytes = new Uint8Array(ERROR_BYTES_MAX);
  private errorSize = 0;

  /** The reply is a push, which no request is owed. */
  get isPush(): boolean {
    return this.type === Type.Push;
  }

  /** The reply is an error. */
  get isError(): boolean {
    return this.type === Type.SimpleError || this.type === Type.BulkError;
  }

  /** The beginning of the error's text, at most {@link ERROR_BYTES_MAX} bytes: `READONLY You can't…`. */
  get errorText(): string {
    return Buffer.from(this.errorBytes.subarray(0, this.errorSize)).toString("latin1").trimEnd();
  }

  /** No byte of the next reply was read. */
  get isIdle(): boolean {
    return this.isDone || this.size === 0;
  }

  /** Bytes that the reply has at least, as far as its lengths are known. */
  get expectedSize(): number {
    return this.size + (this.phase === Phase.Bytes ? this.bytesLeft : 0);
  }

  /**
   * Reads on, at most to the end of the next reply.
   *
   * @param bytes the next ones of the stream from `from` on; what stands before was read
   */
  read(bytes: Uint8Array, from: number): ReplyFound {
    if (this.isDone) this.begin();
    let at = from;
    while (at < bytes.length) {
      const read = this.advance(bytes, at);
      at += read;
      this.size += read;
      if (this.error !== "") return this.stop(ReplyFound.Failed, at);
      if (this.isDone) return this.stop(ReplyFound.Reply, at);
    }
    return this.stop(ReplyFound.More, at);
  }

  private begin(): void {
    this.isDone = false;
    this.size = 0;
    this.type = 0;
    this.errorSize = 0;
  }

  private stop(found: ReplyFound, at: number): ReplyFound {
    this.at = at;
    return found;
  }

  /** Reads at least one byte. @returns how many */
  private advance(bytes: Uint8Array, at: number): number {
    switch (this.phase) {
      case Phase.Text:
        return this.readText(bytes, at);
      case Phase.Bytes:
        return this.readBytes(bytes, at);
      default:
        this.readByte(bytes[at] as number);
        return 1;
    }
  }

  private readText(bytes: Uint8Array, at: number): number {
    const end = bytes.indexOf(LINE_FEED, at);
    const size = (end < 0 ? bytes.length : end + 1) - at;
    this.keepError(bytes, at, size);
    if (end >= 0) this.elementEnded();
    return size;
  }

  private readBytes(bytes: Uint8Array, at: number): number {
    const size = Math.min(this.bytesLeft, bytes.length - at);
    this.keepError(bytes, at, Math.min(size, this.bytesLeft - 2));
    this.bytesLeft -= size;
    if (this.bytesLeft > 0) return size;
    if (this.elementType === SEMICOLON) this.phase = Phase.Piece;
    else this.elementEnded();
    return size;
  }

  private readByte(byte: number): void {
    switch (this.phase) {
      case Phase.Type:
        this.readType(byte);
        break;
      case Phase.Length:
      case Phase.PieceLength:
        this.readLength(byte);
        break;
      case Phase.Streamed:
        this.readStreamed(byte);
        break;
      default:
        if (byte !== SEMICOLON) this.fail("expected the next piece of a streamed string");
        this.elementType = SEMICOLON;
        this.number.begin();
        this.phase = Phase.PieceLength;
    }
  }

  private readType(byte: number): void {
    this.elementType = byte;
    if (byte === Type.End) {
      this.readEnd();
      return;
    }
    // The reply is the first element behind its attributes.
    if (this.left.length === 0) this.type = byte;
    if (TEXT_TYPES.has(byte)) this.phase = Phase.Text;
    else if (isCounted(byte)) {
      this.number.begin();
      this.phase = Phase.Length;
      this.isFirstOfLength = true;
    } else this.fail(`unknown type ${byte}`);
  }

  private readLength(byte: number): void {
    const isFirst = this.isFirstOfLength;
    this.isFirstOfLength = false;
    if (isFirst && byte === QUESTION_MARK && this.phase === Phase.Length) {
      this.phase = Phase.Streamed;
      this.isLineEnding = false;
      return;
    }
    const state = this.number.push(byte);
    if (state === LineState.Broken) this.fail("a length that is no number");
    else if (state === LineState.Whole) this.lengthRead(this.number.value);
  }

  private lengthRead(value: number): void {
    const { elementType: type } = this;
    const isString = isBulk(type) || type === SEMICOLON;
    if (value < -1 || value > (isString ? BYTES_MAX : COUNT_MAX))
      this.fail("a length out of range");
    else if (type === SEMICOLON) this.pieceBegins(value);
    else if (value < 0) this.elementEnded();
    else if (isString) {
      this.bytesLeft = value + 2;
      this.phase = Phase.Bytes;
    } else this.aggregateBegins(isPaired(type) ? value * 2 : value);
  }

  /** The pieces of a streamed string end with one of no bytes, behind which nothing stands. */
  private pieceBegins(size: number): void {
    if (size < 0) this.fail("a length out of range");
    else if (size === 0) this.elementEnded();
    else {
      this.bytesLeft = size + 2;
      this.phase = Phase.Bytes;
    }
  }

  private readStreamed(byte: number): void {
    if (!this.isLineEnding) {
      this.isLineEnding = true;
      if (byte !== CARRIAGE_RETURN) this.fail("expected the end of a line");
    } else if (byte !== LINE_FEED) this.fail("expected the end of a line");
    else if (isBulk(this.elementType)) this.phase = Phase.Piece;
    else this.aggregateBegins(OPEN_END);
  }

  private readEnd(): void {
    if (this.left.at(-1) !== OPEN_END) {
      this.fail("the end of nothing");
      return;
    }
    // Its line is a text like any other; then the aggregate is over.
    this.phase = Phase.Text;
  }

  private aggregateBegins(count: number): void {
    if (this.left.length >= DEPTH_MAX) {
      this.fail("nested too deep");
      return;
    }
    this.left.push(count);
    this.types.push(this.elementType);
    this.phase = Phase.Type;
    if (count === 0) this.aggregateEnded();
  }

  private aggregateEnded(): void {
    this.left.pop();
    const type = this.types.pop();
    this.phase = Phase.Type;
    // An attribute is no element of what it stands in.
    if (type !== Type.Attribute) this.counted();
  }

  private elementEnded(): void {
    this.phase = Phase.Type;
    if (this.elementType === Type.End) this.aggregateEnded();
    else this.counted();
  }

  /** One element more of the innermost aggregate is over, or the reply. */
  private counted(): void {
    const last = this.left.length - 1;
    if (last < 0) {
      this.isDone = true;
      return;
    }
    const left = this.left[last] as number;
    if (left === OPEN_END) return;
    this.left[last] = left - 1;
    if (left === 1) this.aggregateEnded();
  }

  private keepError(bytes: Uint8Array, at: number, size: number): void {
    if (!this.isError || this.left.length > 0) return;
    const part = Math.min(size, ERROR_BYTES_MAX - this.errorSize);
    if (part <= 0) return;
    this.errorBytes.set(bytes.subarray(at, at + part), this.errorSize);
    this.errorSize += part;
  }

  private fail(why: string): void {
    this.error = why;
  }
}

function isBulk(type: number): boolean {
  return type === Type.Bulk || type === Type.BulkError || type === Type.Verbatim;
}

function isPaired(type: number): boolean {
  return type === Type.Map || type === Type.Attribute;
}

/** Types whose first line is a number. */
function isCounted(type: number): boolean {
  return (
    isBulk(type) || isPaired(type) || type === Type.Array || type === Type.Set || type === Type.Push
  );
}
