import { copyOf } from "../../base/bytes.ts";
import { type Reason, Side } from "../../base/reason.ts";
import type { Relay } from "../../flow/relay.ts";
import type { Inside, InsideOwner } from "../../relay/inside.ts";
import { Taking } from "../../relay/taking.ts";
import { type BunSocket, CHUNK_MAX, RECYCLE_MIN } from "./bun-socket.ts";
import type { SocketsEnd, SocketsLane } from "./end.ts";

/** The part of a conduit that uses it. */
export interface InsideConduit {
  readonly relay: Relay;
  readonly up: SocketsLane;
  readonly down: SocketsLane;
  readonly clientSocket: SocketsEnd;
  readonly upstreamSocket: SocketsEnd;
  readonly hasAnswer: boolean;
  closed(side: Side, failed: boolean): void;
  retire(reason: Reason): void;
  terminate(reason: Reason): void;
}

/**
 * Stands where a conduit has a socket, and behaves like one of Bun's; its other end is an owner in this thread.
 *
 * Owner: its conduit, until it is closed.
 */
export class InsideSocket implements Inside {
  /** The conduit, as with Bun's sockets. */
  data: InsideConduit | null = null;
  readonly fd = -1;
  readonly isInside = true;
  /** As it was when it was closed. */
  private hadAnswer = false;
  private endedFor: Reason | null = null;
  private readonly taking: Taking;
  private isPaused = false;
  /** The owner has ended. */
  private hasEnded = false;
  /** The conduit has ended. */
  private isShut = false;

  /** @param side of the conduit that it is */
  constructor(
    private readonly side: Side,
    private readonly owner: InsideOwner,
  ) {
    this.taking = new Taking(owner);
  }

  /** In the form in which ends have their sockets: these are all members of it that they use. */
  get socket(): BunSocket<unknown> {
    return this as unknown as BunSocket<unknown>;
  }

  // --- as the conduit's socket ---

  write(bytes: Uint8Array, start = 0, size = bytes.length): number {
    if (this.data === null) return -1;
    const isWhole = start === 0 && size === bytes.length;
    return this.taking.take(isWhole ? bytes : bytes.subarray(start, start + size));
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.owner.wanted();
  }

  shutdown(): void {
    if (this.isShut) return;
    this.isShut = true;
    this.owner.finished();
    if (this.hasEnded) this.close();
  }

  close(): void {
    this.gone(false);
  }

  terminate(): void {
    this.gone(true);
  }

  setKeepAlive(): boolean {
    return true;
  }

  // --- as the owner's side ---

  get reason(): Reason | null {
    return this.data === null ? this.endedFor : this.data.relay.reason;
  }

  get wasConnected(): boolean {
    return this.data?.hasAnswer ?? this.hadAnswer;
  }

  get isWanted(): boolean {
    const { data } = this;
    return data !== null && !this.isPaused && !this.hasEnded && this.lane(data).flow.receiving;
  }

  get isDelivered(): boolean {
    const { data } = this;
    return data === null || this.lane(data).flow.size === 0;
  }

  give(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && this.isWanted) {
      const part = bytes.subarray(at, at + CHUNK_MAX);
      // A large chunk is freed as soon as it was sent, so it must be the conduit's own.
      this.end(this.data as InsideConduit).received(
        part.length < RECYCLE_MIN ? part : copyOf(part),
      );
      at += part.length;
    }
    return at;
  }

  takeOn(): void {
    if (this.data !== null && this.taking.mayGoOn()) this.end(this.data).drained();
  }

  giveEnd(): void {
    if (this.data === null || this.hasEnded) return;
    this.hasEnded = true;
    this.lane(this.data).sourceEnded();
    if (this.isShut) this.close();
  }

  retire(reason: Reason): void {
    this.data?.retire(reason);
  }

  cut(reason: Reason): void {
    this.data?.terminate(reason);
  }

  private end(conduit: InsideConduit): SocketsEnd {
    return this.side === Side.Client ? conduit.clientSocket : conduit.upstreamSocket;
  }

  /** The lane of which it is the source. */
  private lane(conduit: InsideConduit): SocketsLane {
    return this.side === Side.Client ? conduit.up : conduit.down;
  }

  private gone(failed: boolean): void {
    const { data } = this;
    if (data === null) return;
    this.data = null;
    this.hadAnswer = data.hasAnswer;
    data.closed(this.side, failed);
    this.endedFor = data.relay.reason;
    this.owner.closed();
  }
}
