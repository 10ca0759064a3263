import { assert } from "../../assert.ts";
import { readClientHello } from "./client-hello.ts";
import { Alert, type Hello, plainHello } from "./hello.ts";

/**
 * Bytes that a client may send until its hello is complete, the headers of its records included. With post-quantum
 * shares hellos have 1,700 bytes; Envoy's bound is the same.
 */
export const HELLO_SIZE_MAX = 16 * 1024;

const HANDSHAKE = 22;
const MAJOR_VERSION = 3;
const RECORD_HEADER_SIZE = 5;
const RECORD_SIZE_MAX = 16 * 1024;
const CLIENT_HELLO = 1;
const MESSAGE_HEADER_SIZE = 4;
/** Room for a message at first. It grows with what has come, never with what a client says will come. */
const ROOM = 512;

/**
 * Reads a client's first bytes until it is known whether they are a ClientHello, and what that says:
 *
 *     stream    [ header │ fragment ][ header │ fragment ]…      records, cut into segments anywhere
 *     message   [ type, size │ body ……………………………… ]              joined from the fragments
 *
 * Pure, and fed bytes as they come. It holds a copy of the message, at most {@link HELLO_SIZE_MAX} bytes, until that
 * is complete. What stands behind the hello is not looked at. Owner: a step.
 */
export class HelloReader {
  /** What was read; null as long as it is not known. */
  hello: Hello | null = null;
  /** How the client breaks the rules; null if it does not. */
  alert: Alert | null = null;
  private read = 0;
  private readonly header = new Uint8Array(RECORD_HEADER_SIZE);
  private headerSize = 0;
  /** Bytes of the current record that have not come yet. */
  private fragmentLeft = 0;
  private message = NOTHING;
  private messageSize = 0;
  /** Bytes of the whole message with its header; until that is here, those of the header. */
  private messageWanted = MESSAGE_HEADER_SIZE;

  /** Nothing more is read. */
  get isOver(): boolean {
    return this.hello !== null || this.alert !== null;
  }

  /** Nothing has come. */
  get isUnheard(): boolean {
    return this.read === 0;
  }

  /** Reads the next bytes of the stream. Not to be called when it is over. */
  push(bytes: Uint8Array): void {
    assert(!this.isOver, "push: the hello is not known yet");
    let at = 0;
    while (at < bytes.length && !this.isOver) {
      const before = at;
      at += this.fragmentLeft === 0 ? this.readHeader(bytes, at) : this.readFragment(bytes, at);
      this.read += at - before;
      if (!this.isOver && this.read >= HELLO_SIZE_MAX) this.alert = Alert.IllegalParameter;
    }
    if (this.isOver) this.message = NOTHING;
  }

  /** Reads one byte of a record's header. @returns how many bytes were read */
  private readHeader(bytes: Uint8Array, at: number): number {
    const { header } = this;
    header[this.headerSize++] = bytes[at] as number;
    if (this.headerSize === 1 && header[0] !== HANDSHAKE) this.foreign(Alert.UnexpectedMessage);
    if (this.headerSize === 2 && header[1] !== MAJOR_VERSION) this.foreign(Alert.ProtocolVersion);
    if (this.headerSize < RECORD_HEADER_SIZE) return 1;
    this.headerSize = 0;
    this.fragmentLeft = ((header[3] as number) << 8) | (header[4] as number);
    if (this.fragmentLeft > RECORD_SIZE_MAX) this.alert = Alert.RecordOverflow;
    // A handshake has no empty records (RFC 8446, section 5.1).
    else if (this.fragmentLeft === 0) this.alert = Alert.UnexpectedMessage;
    return 1;
  }

  /** A record's header is none of a hello's: at the beginning of the stream that is no TLS at all. */
  private foreign(alert: Alert): void {
    if (this.messageSize === 0) this.hello = plainHello;
    else this.alert = alert;
  }

  /** Reads what the current record has of the message. @returns how many bytes were read */
  private readFragment(bytes: Uint8Array, at: number): number {
    const missing = this.messageWanted - this.messageSize;
    const size = Math.min(this.fragmentLeft, bytes.length - at, missing);
    this.keep(bytes.subarray(at, at + size));
    this.fragmentLeft -= size;
    if (this.message[0] !== CLIENT_HELLO) this.alert = Alert.UnexpectedMessage;
    else if (this.messageSize === this.messageWanted) this.readMessage();
    return size;
  }

  /** All of the message that was waited for is here: its header, or all of it. */
  private readMessage(): void {
    const { message, messageSize } = this;
    if (messageSize > MESSAGE_HEADER_SIZE) {
      this.decide(readClientHello(message.subarray(MESSAGE_HEADER_SIZE, messageSize)));
      return;
    }
    const [, high = 0, middle = 0, low = 0] = message;
    const bodySize = (high << 16) | (middle << 8) | low;
    this.messageWanted = MESSAGE_HEADER_SIZE + bodySize;
    if (bodySize === 0) this.alert = Alert.DecodeError;
    else if (this.messageWanted > HELLO_SIZE_MAX) this.alert = Alert.IllegalParameter;
  }

  private decide(outcome: Hello | Alert): void {
    if (typeof outcome === "object") this.hello = outcome;
    else this.alert = outcome;
  }

  private keep(bytes: Uint8Array): void {
    const size = this.messageSize + bytes.length;
    if (size > this.message.length) {
      const message = new Uint8Array(Math.max(ROOM, size, 2 * this.message.length));
      message.set(this.message.subarray(0, this.messageSize));
      this.message = message;
    }
    this.message.set(bytes, this.messageSize);
    this.messageSize = size;
  }
}

const NOTHING = new Uint8Array(0);
