import { splitInline } from "../resp/inline.ts";
import { parseLength } from "../resp/integer.ts";
import { EMPTY, Gather } from "./gather.ts";

/** What one call of `RequestParser.next()` found. */
export enum Parsed {
  /** `args` holds one whole request: its name and its arguments, at least one element. */
  Request,
  /** Everything fed so far is consumed; the next request is not complete. */
  Incomplete,
  /** The input broke the protocol: `error` says how. Nothing can follow on this connection. */
  Failed,
}

/** Where the parser stands inside a request. */
enum Phase {
  /** Before the first byte of a request, or inside its first line. */
  Start,
  /** Before or inside the `$length` line of an argument. */
  BulkLength,
  /** Inside the bytes of an argument. */
  BulkBytes,
  /** After an argument's bytes, before the CR LF that closes it. */
  BulkEnd,
}

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const DOLLAR = 36;
const STAR = 42;

/** The limits of Redis (proto-max-bulk-len, PROTO_INLINE_MAX_SIZE, networking.c before version 7),
 *  in bytes except for the count of arguments. */
const bulkBytesMax = 512 * 1024 * 1024;
const lineBytesMax = 64 * 1024;
const argsCountMax = 1024 * 1024;
/** One request may hold many arguments, each within its limit; this bounds them together, as Redis'
 *  client-query-buffer-limit does, in bytes as received. */
const requestBytesMax = 1024 * 1024 * 1024;

/** Finds the requests in a byte stream: RESP2 arrays of bulk strings, and inline commands.
 *
 *      feed(chunk) ──► next() = Request, Request, …, Incomplete ──► feed(chunk) ──► …
 *
 *  An argument that lies whole inside a chunk is a view of it; one that is spread over chunks is
 *  gathered into an array of its own. Memory: the bytes received for the unfinished request, at
 *  most doubled, and what is fed but not consumed. Each byte is looked at once whatever the
 *  chunking is.
 *
 *  Owner: one connection. Bytes never make it throw. Source: networking.c of Redis 7,
 *  processInlineBuffer() and processMultibulkBuffer(). */
export class RequestParser {
  /** The request found last. The array is reused: it is valid until the next call of `next()`. The
   *  views in it stay valid, and keep the chunk that they point into alive. */
  readonly args: Buffer[] = [];
  /** Why `next()` answered Failed, in Redis' words without the leading `ERR`; empty until then. */
  error = "";

  private chunk = EMPTY;
  private offset = 0;
  private phase = Phase.Start;
  private argsMissing = 0;
  private bulkSize = 0;
  private bulkEndMissing = 0;
  private requestBytes = 0;
  private readonly partial = new Gather();
  private line = EMPTY;
  /** The first byte of a request's first line, kept while the rest of that line is awaited. */
  private lineType = 0;

  /** Gives the parser more input. The chunk must not change afterwards. Normally all earlier input
   *  is consumed by then; a rest that is not is kept, at the price of a copy. */
  feed(chunk: Buffer): void {
    if (this.error !== "") return;
    const rest = this.chunk.subarray(this.offset);
    this.chunk = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.offset = 0;
  }

  /** Looks for the next request in the input. Never throws, and always ends: each call consumes
   *  input or answers Incomplete or Failed. */
  next(): Parsed {
    if (this.phase === Phase.Start) this.args.length = 0;
    while (this.error === "") {
      if (!this.advance()) {
        if (this.error !== "") break;
        if (!this.countBytes()) break;
        this.chunk = EMPTY;
        this.offset = 0;
        return Parsed.Incomplete;
      }
      if (this.phase === Phase.Start && this.args.length > 0) {
        this.requestBytes = 0;
        return Parsed.Request;
      }
    }
    this.chunk = EMPTY;
    this.offset = 0;
    return Parsed.Failed;
  }

  /** Takes one step of the current phase; false when it needs more input or has failed. */
  private advance(): boolean {
    switch (this.phase) {
      case Phase.Start:
        return this.readFirstLine();
      case Phase.BulkLength:
        return this.readBulkLength();
      case Phase.BulkBytes:
        return this.readBulkBytes();
      case Phase.BulkEnd:
        return this.skipBulkEnd();
    }
  }

  private readFirstLine(): boolean {
    if (this.partial.length === 0) this.skipEmptyLines();
    const start = this.partial.length > 0 ? this.lineType : this.chunk[this.offset];
    if (start === undefined) return false;
    this.lineType = start;
    const isArray = start === STAR;
    if (!this.readLine(isArray ? "too big mbulk count string" : "too big inline request")) {
      return false;
    }
    return isArray ? this.startArray() : this.acceptInline();
  }

  /** Skips lines with nothing in them. They mean nothing as inline commands either, but a chunk of
   *  them would take far longer that way. */
  private skipEmptyLines(): void {
    for (;;) {
      const byte = this.chunk[this.offset];
      if (byte === LINE_FEED) this.offset++;
      else if (byte !== CARRIAGE_RETURN || this.chunk[this.offset + 1] !== LINE_FEED) return;
      else this.offset += 2;
    }
  }

  private startArray(): boolean {
    const count = this.lineLength();
    if (Number.isNaN(count) || count > argsCountMax) return this.fail("invalid multibulk length");
    // Redis takes an empty or null array for no request at all, and answers nothing.
    if (count <= 0) return true;
    this.argsMissing = count;
    this.phase = Phase.BulkLength;
    return true;
  }

  private acceptInline(): boolean {
    const args = splitInline(this.line);
    if (args === undefined) return this.fail("unbalanced quotes in request");
    for (const arg of args) this.args.push(arg);
    return true;
  }

  private readBulkLength(): boolean {
    const start = this.partial.length > 0 ? DOLLAR : this.chunk[this.offset];
    if (start === undefined) return false;
    if (start !== DOLLAR) {
      const isLineEnd = start === CARRIAGE_RETURN || start === LINE_FEED;
      const shown = isLineEnd ? " " : String.fromCharCode(start);
      return this.fail(`expected '$', got '${shown}'`);
    }
    if (!this.readLine("too big bulk count string")) return false;
    const size = this.lineLength();
    if (Number.isNaN(size) || size < 0 || size > bulkBytesMax) {
      return this.fail("invalid bulk length");
    }
    this.bulkSize = size;
    this.phase = Phase.BulkBytes;
    return true;
  }

  private readBulkBytes(): boolean {
    const missing = this.bulkSize - this.partial.length;
    const end = this.offset + missing;
    if (end > this.chunk.length) {
      const piece = this.chunk.subarray(this.offset);
      if (piece.length > 0) this.partial.append(piece, this.bulkSize);
      return false;
    }
    const piece = this.chunk.subarray(this.offset, end);
    if (this.partial.length === 0) {
      this.args.push(piece);
    } else {
      this.partial.append(piece, this.bulkSize);
      this.args.push(this.partial.take());
    }
    this.offset = end;
    this.bulkEndMissing = 2;
    this.phase = Phase.BulkEnd;
    return true;
  }

  /** Skips the two bytes after an argument. Like Redis, it does not look at them: the length has
   *  already said where the argument ends. */
  private skipBulkEnd(): boolean {
    const skipped = Math.min(this.bulkEndMissing, this.chunk.length - this.offset);
    this.offset += skipped;
    this.bulkEndMissing -= skipped;
    if (this.bulkEndMissing > 0) return false;
    this.argsMissing--;
    this.phase = this.argsMissing === 0 ? Phase.Start : Phase.BulkLength;
    return true;
  }

  /** Reads up to and with the next LF into `line`, which then lacks it and a CR before it. */
  private readLine(tooLong: string): boolean {
    const end = this.chunk.indexOf(LINE_FEED, this.offset);
    const size = this.partial.length + (end < 0 ? this.chunk.length : end) - this.offset;
    if (size > lineBytesMax) return this.fail(tooLong);
    const piece = this.chunk.subarray(this.offset, end < 0 ? this.chunk.length : end);
    this.offset += piece.length + (end < 0 ? 0 : 1);
    if (end < 0 || this.partial.length > 0) this.partial.append(piece, lineBytesMax);
    if (end < 0) return false;
    this.line = this.partial.length > 0 ? this.partial.take() : piece;
    return true;
  }

  /** The number in `line`, after its type byte and before the CR; NaN if there is none. */
  private lineLength(): number {
    const last = this.line.length - 1;
    return this.line[last] === CARRIAGE_RETURN ? parseLength(this.line, 1, last) : Number.NaN;
  }

  /** Adds the chunk that has just been consumed to the size of the unfinished request. The first
   *  chunk may begin with earlier requests: the sum is an upper bound, a chunk too high at most. */
  private countBytes(): boolean {
    const isIdle = this.phase === Phase.Start && this.partial.length === 0;
    this.requestBytes = isIdle ? 0 : this.requestBytes + this.chunk.length;
    return this.requestBytes <= requestBytesMax || this.fail("too big request");
  }

  private fail(reason: string): false {
    this.error = `Protocol error: ${reason}`;
    this.args.length = 0;
    this.partial.take();
    return false;
  }
}
