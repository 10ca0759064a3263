import { ipKind } from "../../base/ip.ts";
import type { Lane } from "../../relay/lane.ts";
import { otherEnd, ownEnd, unreadBytes, unsentBytes } from "../../system/libc.ts";
import { keepUrgentBytes } from "../../system/linux.ts";
import { encodeSockaddr } from "../../system/sockaddr.ts";
import type { End } from "../end.ts";
import type { BunSocket } from "./bun-socket.ts";
import type { ChunkQueue } from "./queue.ts";
import type { Deferred, Turn } from "./turn.ts";

/** In a busy turn, chunks of up to this many bytes wait for its end, if a segment can hold them. */
const DEFER_MAX = 16 * 1024;

/** Whether an end speaks TLS. */
export enum Tls {
  None,
  /** What the kernel has of it is not what it says. */
  Spoken,
  /** The other end has broken its rules: what it says ends here, and is not complete. */
  Broken,
}

/** A lane between two ends of this carrier. */
export type SocketsLane = Lane<SocketsEnd, ChunkQueue>;

/**
 * One connection on Bun's sockets. It adapts Bun's readiness to the completions that lanes expect.
 *
 *     data ─► chunk ─► incoming.received ─► its target writes it: all taken, nothing was copied
 *                                               └─ a part: the rest is kept until `drain`
 *
 * A `write` that takes all bytes is a send that completes at once. After a partial `write` nothing
 * is written until `drain`. An end that must not be read is paused. In a busy turn the send of a
 * small chunk waits for the end of the turn (see {@link Turn}).
 *
 * Owner: a conduit, which reuses it for each tenant.
 */
export class SocketsEnd implements End, Deferred {
  /** Null when it is closed. */
  socket: BunSocket<unknown> | null = null;
  tls = Tls.None;
  private paused = false;
  /** What it sends stays in the kernel, whatever its lane wants. */
  private held = false;
  /** It takes nothing until `drain`. */
  private full = false;

  /** @param incoming, outgoing the lanes whose source, and whose target, it is */
  constructor(
    private readonly turn: Turn,
    private readonly incoming: SocketsLane,
    private readonly outgoing: SocketsLane,
  ) {}

  /** Bun cannot limit how much a receive brings. */
  get isInside(): boolean {
    return this.socket?.isInside === true;
  }

  get limitsReceives(): boolean {
    return false;
  }

  get isReceiving(): boolean {
    return !this.paused && this.socket !== null;
  }

  /** Bun copies what it takes. */
  get holdsQueue(): boolean {
    return false;
  }

  /** It is connected, and Bun reads it. */
  open(socket: BunSocket<unknown>, tls = Tls.None): this {
    this.socket = socket;
    this.tls = tls;
    this.paused = false;
    this.held = false;
    this.full = false;
    return this;
  }

  receive(): void {
    if (!this.paused || this.socket === null) return;
    this.paused = false;
    if (!this.held) this.socket.resume();
  }

  /** Leaves what it sends in the kernel until {@link release}. */
  hold(): void {
    this.held = true;
    if (!this.paused) this.socket?.pause();
  }

  /** It is read again, as far as its lane wants that. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    if (!this.paused) this.socket?.resume();
  }

  /** Another socket takes the place of its own, on the same connection, and speaks TLS. */
  secure(socket: BunSocket<unknown>): void {
    this.socket = socket;
    this.tls = Tls.Spoken;
    if (this.paused) socket.pause();
  }

  stop(isBrief: boolean): boolean {
    if (this.paused || this.socket === null) return false;
    if (isBrief && this.isWorthWaiting) return false;
    this.paused = true;
    if (!this.held) this.socket.pause();
    return true;
  }

  send(most: number): void {
    if (this.full) return;
    const { queue } = this.outgoing;
    if (queue.count > 0) this.writeKept(most);
    else if (most === 0 && this.mayDefer(queue)) this.turn.defer(this);
    else this.writeChunk(most);
  }

  /** Bun's `data`. Bun does not reuse the memory of `chunk` (1…CHUNK_MAX bytes). */
  data(chunk: Uint8Array): void {
    this.turn.event();
    this.received(chunk);
  }

  received(chunk: Uint8Array): void {
    const { incoming } = this;
    const { queue } = incoming;
    if (queue.isDeferred) incoming.target?.turnEnded();
    queue.push(chunk);
    incoming.received(chunk.length);
    queue.keep();
  }

  /** Sends the deferred chunk. */
  turnEnded(): void {
    const { queue } = this.outgoing;
    if (!queue.isDeferred) return;
    queue.redeem();
    this.writeChunk(0);
    queue.keep();
  }

  /** Bun's `drain`: the socket takes bytes again. */
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

  /** Asks the kernel by one system call; Bun would make two, and two strings. */
  get otherAddress(): Uint8Array | null {
    const { socket } = this;
    if (socket === null) return null;
    const address = otherEnd(socket.fd);
    if (address !== null) return address;
    const { remoteAddress: host = "", remotePort: port = 0 } = socket;
    return ipKind(host) !== 0 ? encodeSockaddr({ kind: "tcp", host, port }) : null;
  }

  get ownAddress(): Uint8Array | null {
    return this.socket === null ? null : ownEnd(this.socket.fd);
  }

  /** Sockets of TCP clients inherit this from the listening socket. */
  keepUrgentBytes(): void {
    if (isLinux && this.socket !== null) keepUrgentBytes(this.socket.fd);
  }

  /** Bun's `error` of TLS; `close` follows, and says nothing of it. */
  broke(): void {
    this.tls = Tls.Broken;
  }

  sendFirst(bytes: Uint8Array): boolean {
    return this.socket?.write(bytes) === bytes.length;
  }

  closed(): void {
    this.socket = null;
  }

  /** Whether a pause can be spared: pausing and resuming cost four system calls. */
  private get isWorthWaiting(): boolean {
    const { queue, target } = this.incoming;
    // A deferred chunk is sent before anything else comes.
    if (queue.isDeferred) return true;
    // Most dials are answered before a client that waits for its answer sends more. If it does send
    // more, there is room for one chunk.
    return target === null && isSmall(queue);
  }

  private mayDefer(queue: ChunkQueue): boolean {
    // What is given inside is somebody else's memory, and given at the end of a turn.
    if (!this.turn.busy || this.outgoing.source?.isInside === true) return false;
    return isSmall(queue) && queue.defer();
  }

  /** Sends a chunk from where Bun put it. */
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
      // `targetLost` may receive more, which is queued behind it.
      outgoing.queue.keep();
      outgoing.targetLost();
    }
  }

  /** Sends the kept segments until the socket takes no more. */
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

/** Whether the queue may be deferred: one segment can hold all of it. */
function isSmall({ size, reservoir }: ChunkQueue): boolean {
  return size <= DEFER_MAX && size <= reservoir.pool.size;
}
