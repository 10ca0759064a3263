import type { ReplySink } from "./reply.ts";

/** What an outbox writes to: a Bun socket. */
export interface Writable {
  /** @returns how many bytes the kernel took, fewer than given under pressure, −1 once it is
   *  closed. */
  write(bytes: Uint8Array): number;
}

/** The replies of one connection that the kernel has not taken yet.
 *
 *  Bytes are written at once while nothing waits, otherwise they queue. Memory: what waits, which
 *  the connection bounds by executing nothing while `isEmpty` is false. */
export class Outbox implements ReplySink {
  private readonly socket: Writable;
  private pieces: Uint8Array[] = [];
  private head = 0;
  private isClosed = false;

  constructor(socket: Writable) {
    this.socket = socket;
  }

  /** Whether the kernel has taken everything. */
  get isEmpty(): boolean {
    return this.head === this.pieces.length;
  }

  /** Writes `bytes` or queues what is not taken; a closed socket swallows them. */
  send(bytes: Uint8Array, stable: boolean): void {
    const taken = this.isEmpty ? this.write(bytes) : 0;
    if (this.isClosed || taken === bytes.length) return;
    const rest = bytes.subarray(taken);
    this.pieces.push(stable ? rest : new Uint8Array(rest));
  }

  /** Writes what waits, until the kernel takes no more. */
  flush(): void {
    while (!this.isEmpty) {
      const piece = this.pieces[this.head];
      if (piece === undefined) break;
      const taken = this.write(piece);
      if (this.isClosed) return;
      if (taken < piece.length) {
        this.pieces[this.head] = piece.subarray(taken);
        return;
      }
      // Each written piece is let go at once: it may be the last holder of a large value.
      this.pieces[this.head++] = nothing;
    }
    this.pieces = [];
    this.head = 0;
  }

  /** Drops what waits and swallows what follows: the socket is closed. */
  close(): void {
    this.isClosed = true;
    this.pieces = [];
    this.head = 0;
  }

  private write(bytes: Uint8Array): number {
    if (this.isClosed) return 0;
    const taken = this.socket.write(bytes);
    if (taken >= 0) return taken;
    this.close();
    return 0;
  }
}

const nothing = new Uint8Array(0);
