/** Takes encoded replies, in order. Owner: one connection. */
export interface ReplySink {
  /** Sends `bytes`, or keeps what the kernel does not take. `stable` promises that they never
   *  change, so that the sink may keep a view; otherwise it must copy before it returns. Never
   *  throws. */
  send(bytes: Uint8Array, stable: boolean): void;
}

/** The versions of the protocol: RESP2 (what a connection starts with) and RESP3 (after HELLO
 *  3). */
export type ProtocolVersion = 2 | 3;

/** The encoder's buffer, in bytes: as much as one write may usefully carry. */
const bufferBytes = 256 * 1024;

/** Values from this size on, in bytes, are sent from where they lie instead of being copied. */
export const shareBytesMin: number = 64 * 1024;

/** Room for a type byte, any 64-bit integer, and CR LF. */
const headerBytesMax = 32;

/** Encodes replies into one buffer, which goes to the sink when it is full and at `flush()`.
 *
 *  One encoder serves all connections of a server, since a data callback runs to its end before the
 *  next one starts: `begin(sink)`, replies, `flush()`. Source: redis.io, "RESP protocol spec". */
export class ReplyEncoder {
  /** Which protocol the replies are in; it follows the connection whose command runs. */
  protocol: ProtocolVersion = 2;

  private readonly buffer = Buffer.allocUnsafeSlow(bufferBytes);
  private length = 0;
  private sink: ReplySink = { send() {} };

  /** Directs what follows to `sink`. Everything before must have been flushed; a rest, which only a
   *  command that threw can leave, is dropped, so that it never reaches another connection. */
  begin(sink: ReplySink): void {
    this.sink = sink;
    this.length = 0;
  }

  /** Hands what is in the buffer to the sink. */
  flush(): void {
    if (this.length === 0) return;
    const full = this.buffer.subarray(0, this.length);
    this.length = 0;
    this.sink.send(full, false);
  }

  /** `+text`. The text is ASCII without line ends. */
  simple(text: string): void {
    this.text(`+${text}\r\n`);
  }

  /** `-text`: an error with its code first, such as `ERR syntax error`. Line ends in it become
   *  blanks and characters above 255 lose their upper bits; text from a client passes through as
   *  the bytes it was. */
  error(text: string): void {
    this.text(`-${text.replace(/[\r\n]/g, " ")}\r\n`);
  }

  /** `:value`, a signed 64-bit integer. */
  integer(value: number | bigint): void {
    this.text(`:${value}\r\n`);
  }

  /** `$length` and the bytes. They must never change afterwards, for large ones are sent in
   *  place. */
  bulk(bytes: Uint8Array): void {
    this.text(`$${bytes.length}\r\n`);
    this.bytes(bytes);
    this.text("\r\n");
  }

  /** A bulk string from text, one byte per character. */
  bulkText(text: string): void {
    this.text(`$${text.length}\r\n${text}\r\n`);
  }

  /** Text meant for people: a bulk string, in RESP3 marked as plain text. */
  verbatim(text: string): void {
    if (this.protocol === 2) this.bulkText(text);
    else this.text(`=${text.length + 4}\r\ntxt:${text}\r\n`);
  }

  /** Nothing: the null bulk string, in RESP3 the null. */
  nil(): void {
    this.text(this.protocol === 2 ? "$-1\r\n" : "_\r\n");
  }

  /** The head of an array; `count` replies must follow. */
  array(count: number): void {
    this.text(`*${count}\r\n`);
  }

  /** The head of a map; `count` pairs of replies must follow. RESP2 shows it as a flat array. */
  map(count: number): void {
    this.text(this.protocol === 2 ? `*${2 * count}\r\n` : `%${count}\r\n`);
  }

  /** Appends text of at most the buffer's size. */
  private text(text: string): void {
    if (this.length + text.length > bufferBytes) this.flush();
    this.length += this.buffer.write(text, this.length, "latin1");
  }

  private bytes(bytes: Uint8Array): void {
    if (bytes.length >= shareBytesMin) {
      this.flush();
      this.sink.send(bytes, true);
      return;
    }
    if (this.length + bytes.length + headerBytesMax > bufferBytes) this.flush();
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }
}
