import type { Reason } from "../../base/reason.ts";
import type { Relay } from "../../flow/relay.ts";
import type { Inside, InsideOwner } from "../../relay/inside.ts";
import { Taking } from "../../relay/taking.ts";
import { type EndHost, type EndOwner, UringEnd, type UringLane } from "./end.ts";

/** The part of a conduit that it uses. */
export interface InsideConduit extends EndOwner {
  readonly relay: Relay;
  readonly hasAnswer: boolean;
  retire(reason: Reason): void;
  terminate(reason: Reason): void;
}

/**
 * An end without a descriptor: an owner in this thread takes what the conduit sends, and gives what it receives.
 * Nothing of it is ever in flight.
 *
 * Owner: a conduit, until it is closed.
 */
export class InsideEnd extends UringEnd implements Inside {
  private readonly taking: Taking;
  private isHeld = false;
  /** The owner has not taken all that it was shown. */
  private isFull = false;
  private hasEnded = false;
  private conduit: InsideConduit | null = null;
  private hadAnswer = false;
  private endedFor: Reason | null = null;

  constructor(
    private readonly host: EndHost,
    private readonly taker: InsideOwner,
  ) {
    super(host, -1);
    this.taking = new Taking(taker);
  }

  /** Begins its only tenancy. */
  join(conduit: InsideConduit, incoming: UringLane, outgoing: UringLane): this {
    this.conduit = conduit;
    this.open(-1, conduit, incoming, outgoing);
    return this;
  }

  // --- as the conduit's end ---

  override get isInside(): boolean {
    return true;
  }

  override get isReceiving(): boolean {
    return !this.isHeld && this.conduit !== null;
  }

  override get holdsQueue(): boolean {
    return false;
  }

  override receive(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.taker.wanted();
  }

  override stop(): boolean {
    if (this.isHeld) return false;
    this.isHeld = true;
    return true;
  }

  override send(most = 0): void {
    const lane = this.outgoing;
    if (this.isFull || lane === null) return;
    const { queue } = lane;
    const asked = most === 0 ? queue.size : Math.min(most, queue.size);
    let taken = 0;
    for (const view of queue.views(0, asked)) {
      const part = this.taking.take(view);
      if (this.conduit === null) return;
      taken += part;
      if (part === view.length) continue;
      this.isFull = true;
      break;
    }
    lane.sent(taken, asked);
  }

  override finish(): void {
    this.taker.finished();
  }

  override close(): void {
    const { conduit } = this;
    if (conduit === null) return;
    this.hadAnswer = conduit.hasAnswer;
    this.endedFor = conduit.relay.reason;
    this.conduit = null;
    this.owner = null;
    this.incoming = null;
    this.outgoing = null;
    this.waiting = false;
    conduit.endClosed(this);
    this.taker.closed();
  }

  override cancel(): void {}

  override lookForReset(): void {}

  override get unsent(): number {
    return 0;
  }

  override get unread(): number {
    return 0;
  }

  override get otherAddress(): null {
    return null;
  }

  override get ownAddress(): null {
    return null;
  }

  override keepUrgentBytes(): void {}

  override sendFirst(): boolean {
    return false;
  }

  // --- as the owner's side ---

  get isWanted(): boolean {
    return this.isReceiving && !this.hasEnded && this.incoming?.flow.receiving === true;
  }

  get isDelivered(): boolean {
    return (this.incoming?.flow.size ?? 0) === 0;
  }

  get reason(): Reason | null {
    return this.conduit === null ? this.endedFor : this.conduit.relay.reason;
  }

  get wasConnected(): boolean {
    return this.conduit?.hasAnswer ?? this.hadAnswer;
  }

  give(bytes: Uint8Array): number {
    const { memory } = this.host;
    let at = 0;
    while (at < bytes.length && this.isWanted) {
      const lane = this.incoming as UringLane;
      const most = Math.min(bytes.length, at + lane.flow.receiveMax);
      const from = at;
      while (at < most) {
        const isLarge = most - at > memory.small.size && memory.hasLarge;
        const buffer = memory.leaseOwn(lane.queue.direction, isLarge);
        if (buffer < 0) break;
        const part = Math.min(most - at, memory.sizeOf(buffer));
        memory.view(buffer, 0, part).set(bytes.subarray(at, at + part));
        lane.queue.push(buffer, 0, part);
        at += part;
      }
      if (at > from) lane.received(at - from);
      if (at < most) {
        this.wait();
        break;
      }
    }
    return at;
  }

  takeOn(): void {
    if (!this.taking.mayGoOn() || !this.isFull) return;
    this.isFull = false;
    this.outgoing?.sendOn();
  }

  giveEnd(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.incoming?.sourceEnded();
  }

  retire(reason: Reason): void {
    this.conduit?.retire(reason);
  }

  cut(reason: Reason): void {
    this.conduit?.terminate(reason);
  }

  /** There is no buffer for more. */
  private wait(): void {
    const lane = this.incoming;
    if (lane === null || this.waiting) return;
    this.waiting = true;
    lane.queue.isDry = true;
    lane.starve();
    this.host.memory.wait(this);
  }
}
