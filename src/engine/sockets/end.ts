import { ipKind } from "../../base/ip.ts";
import type { Lane } from "../../relay/lane.ts";
import { otherEnd, ownEnd, unreadBytes, unsentBytes } from "../../system/libc.ts";
import { keepUrgentBytes } from "../../system/linux.ts";
import { encodeSockaddr, SOCKADDR_IP_SIZE, SOCKADDR_SIZE_MAX } from "../../system/sockaddr.ts";
import type { End } from "../end.ts";
import type { BunSocket } from "./bun-socket.ts";
import type { ChunkQueue } from "./queue.ts";
import type { Deferred, Turn } from "./turn.ts";

/** Chunks up to so many bytes may wait for the end of a busy turn, if a segment can hold them. */
const DEFER_MAX = 16 * 1024;

/** A flow over two ends of this carrier. */
export type SocketsLane = Lane<SocketsEnd, ChunkQueue>;

/**
 * One connection on Bun's sockets: adapts their readiness to the completions that lanes know.
 *
 *     data ─► chunk ─► incoming.received ─► its target writes it: all taken, nothing was copied
 *                                               └─ a part: the rest is kept, `drain` goes on with it
 *
 * A `write` that takes all bytes is a send that completes at once; after one that takes fewer nothing is
 * written until `drain`. An end that is not to be received from is paused. In a busy turn a small chunk's
 * send waits for the end of the turn (see {@link Turn}).
 *
 * Owner: a conduit, which opens it anew for each tenant.
 */
export class SocketsEnd implements End, Deferred {
  /** Null when it is closed. */
  socket: BunSocket<unknown> | null = null;
  /** It speaks TLS: what the kernel has of it is not what it says. */
  isSecure = false;
  /** It is paused by us. */
  private paused = false;
  /** It takes nothing until `drain`. */
  private full = false;

  /**
   * @param incoming the lane that it is the source of
   * @param outgoing the lane that it is the target of
   */
  constructor(
    private readonly turn: Turn,
    private readonly incoming: SocketsLane,
    private readonly outgoing: SocketsLane,
  ) {}

  /** Bun cannot be asked for few bytes. */
  get limitsReceives(): boolean {
    return false;
  }

  get isReceiving(): boolean {
    return !this.paused && this.socket !== null;
  }

  /** Bun has copied what it has taken. */
  get holdsQueue(): boolean {
    return false;
  }

  /** It is connected, and being read. */
  open(socket: BunSocket<unknown>): this {
    this.socket = socket;
    this.isSecure = false;
    this.paused = false;
    this.full = false;
    return this;
  }

  receive(): void {
    if (!this.paused || this.socket === null) return;
    this.paused = false;
    this.socket.resume();
  }

  stop(isBrief: boolean): boolean {
    if (this.paused || this.socket === null) return false;
    if (isBrief && this.isWorthWaiting) return false;
    this.paused = true;
    this.socket.pause();
    return true;
  }

  send(most: number): void {
    if (this.full) return;
    const { queue } = this.outgoing;
    if (queue.count > 0) this.writeKept(most);
    else if (most === 0 && this.mayDefer(queue)) this.turn.defer(this);
    else this.writeChunk(most);
  }

  /** Bun's `data`: it brought `chunk`, 1…CHUNK_MAX bytes that stay as they are. */
  data(chunk: Uint8Array): void {
    this.turn.event();
    this.received(chunk);
  }

  /** It has brought a chunk. */
  received(chunk: Uint8Array): void {
    const { incoming } = this;
    const { queue } = incoming;
    if (queue.isDeferred) incoming.target?.turnEnded();
    queue.push(chunk);
    incoming.received(chunk.length);
    queue.keep();
  }

  /** Sends what was put off. */
  turnEnded(): void {
    const { queue } = this.outgoing;
    if (!queue.isDeferred) return;
    queue.redeem();
    this.writeChunk(0);
    queue.keep();
  }

  /** Bun's `drain`: it takes bytes again. */
  drained(): void {
    this.turn.event();
    this.full = false;
    this.outgoing.sendOn();
  }

  get unsent(): number {
    return this.socket === null ? 0 : unsentBytes(this.socket.fd);
  }

  get unread(): number {
    return this.socket === null ? 0 : unreadBytes(this.socket.fd);
  }

  /** One system call into a few bytes, where Bun makes two and two strings. */
  get otherAddress(): Uint8Array | null {
    const { socket } = this;
    if (socket === null) return null;
    const address = new Uint8Array(SOCKADDR_IP_SIZE);
    if (otherEnd(socket.fd, address)) return address;
    const { remoteAddress: host = "", remotePort: port = 0 } = socket;
    return ipKind(host) !== 0 ? encodeSockaddr({ kind: "tcp", host, port }) : null;
  }

  get ownAddress(): Uint8Array | null {
    const address = new Uint8Array(SOCKADDR_SIZE_MAX);
    return this.socket !== null && ownEnd(this.socket.fd, address) ? address : null;
  }

  /** Those of TCP clients have it from the socket that was listened on. */
  keepUrgentBytes(): void {
    if (isLinux && this.socket !== null) keepUrgentBytes(this.socket.fd);
  }

  sendFirst(bytes: Uint8Array): boolean {
    return this.socket?.write(bytes) === bytes.length;
  }

  /** It is closed. */
  closed(): void {
    this.socket = null;
  }

  /** Pausing it, and resuming it again, are four system calls. */
  private get isWorthWaiting(): boolean {
    const { queue, target } = this.incoming;
    // What is put off is sent before anything else comes.
    if (queue.isDeferred) return true;
    // Most dials are answered by the time a client that has asked could send more. What comes all the
    // same has room, once.
    return target === null && isSmall(queue);
  }

  private mayDefer(queue: ChunkQueue): boolean {
    return this.turn.busy && isSmall(queue) && queue.defer();
  }

  /** Sends a chunk from where Bun has put it. */
  private writeChunk(most: number): void {
    const { outgoing, socket } = this;
    const { chunk, chunkSize, start } = outgoing.queue;
    if (chunk === null) return;
    const size = most === 0 ? chunkSize : Math.min(most, chunkSize);
    const isWhole = size === chunk.length;
    const taken =
      socket === null ? -1 : isWhole ? socket.write(chunk) : socket.write(chunk, start, size);
    this.full = taken < size;
    if (taken >= 0) outgoing.sent(taken, size);
    else {
      // What is received meanwhile, by hand, comes behind it.
      outgoing.queue.keep();
      outgoing.targetLost();
    }
  }

  /** Sends what was kept, as far as it is taken. */
  private writeKept(most: number): void {
    const { outgoing, socket } = this;
    const { queue } = outgoing;
    const { count } = queue;
    const { pool } = queue.reservoir;
    let left = most === 0 ? Infinity : most;
    let total = 0;
    let asked = 0;
    let taken = 0;
    for (let i = 0; i < count && left > 0; i++) {
      const index = queue.at(i);
      const start = pool.start[index] as number;
      const size = Math.min(left, (pool.end[index] as number) - start);
      taken = socket?.write(pool.view(index), start, size) ?? -1;
      asked += size;
      if (taken > 0) total += taken;
      if (taken < size) break;
      left -= size;
    }
    this.full = total < asked;
    if (total > 0 || taken >= 0) outgoing.sent(total, asked);
    if (taken < 0) outgoing.targetLost();
  }
}

const isLinux = process.platform === "linux";

/** One segment can hold all of it. */
function isSmall({ size, reservoir }: ChunkQueue): boolean {
  return size <= DEFER_MAX && size <= reservoir.pool.size;
}
