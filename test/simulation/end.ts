import type { Reason } from "../../src/base/reason.ts";
import type { CompletingEnd } from "../../src/engine/end.ts";
import type { Lane } from "../../src/relay/lane.ts";
import { Errno } from "../../src/system/linux.ts";
import { encodeSockaddr } from "../../src/system/sockaddr.ts";
import type { Connection } from "../kernel/connection.ts";
import type { Fate } from "../kernel/faults.ts";
import { holds } from "../model/fuzz.ts";
import { type MemoryQueue, RECEIVE_MAX } from "./memory.ts";
import { LISTENER } from "./settings.ts";
import { streamView } from "./stream.ts";
import type { Witness } from "./witness.ts";

const OWN_ADDRESS = encodeSockaddr(LISTENER);

export type SimulatedLane = Lane<SimulatedEnd, MemoryQueue>;

/** Who has an end. */
export interface EndOwner {
  readonly relay: { readonly reason: Reason | null };
  endClosed(end: SimulatedEnd): void;
}

/** What an end needs of its carrier. */
export interface EndHost {
  readonly story: { readonly limitsReceives: boolean };
  readonly fate: Fate;
  readonly goesOn: boolean;
  readonly isPrompt: boolean;
  readonly isSlow: boolean;
  readonly witness: Witness;
  readonly addressOf: (client: Connection) => Uint8Array;
  readonly onHeader: (upstream: Connection, bytes: Uint8Array) => void;
  readonly onHeaderOver: (client: Connection) => void;
  part(size: number): number;
  carry(target: Connection, bytes: Uint8Array): void;
  checkEnd(target: Connection): void;
  close(end: SimulatedEnd, isClean: boolean): void;
}

/**
 * One connection of the simulated network. What is asked for completes in some later step, or at once, whole
 * or in part, as fate has it.
 */
export class SimulatedEnd implements CompletingEnd {
  /** It asks for no more than it is asked for: else pace is kept by its target. */
  readonly limitsReceives: boolean;
  readonly isInside = false;
  isReceivePending = false;
  isSendPending = false;
  isClosed = false;
  private most = 0;
  /** The receive that is under way is the only one. */
  private isLimited = false;
  private isCancelled = false;
  private isStopping = false;
  /** It is not read, and its reset is to be told. */
  private isWatched = false;
  private asked = 0;

  /**
   * @param incoming the lane that it is the source of
   * @param outgoing the lane that it is the target of
   */
  constructor(
    private readonly carrier: EndHost,
    readonly connection: Connection,
    readonly owner: EndOwner,
    private readonly incoming: SimulatedLane,
    private readonly outgoing: SimulatedLane,
  ) {
    this.limitsReceives = carrier.story.limitsReceives;
  }

  get isReceiving(): boolean {
    return this.isReceivePending && !this.isStopping;
  }

  get holdsQueue(): boolean {
    return this.isSendPending;
  }

  get isBusy(): boolean {
    return this.isReceivePending || this.isSendPending;
  }

  receive(most: number): void {
    holds(!this.isClosed, "a closed end is not received from");
    this.isWatched = false;
    if (this.isReceivePending) return;
    this.isReceivePending = true;
    this.isStopping = false;
    this.isLimited = most !== 0;
    this.most = most === 0 ? RECEIVE_MAX : Math.min(most, RECEIVE_MAX);
  }

  stop(): boolean {
    const isNews = !this.isWatched;
    this.isWatched = true;
    // Before that has worked there may still come something.
    if (this.isReceivePending) this.isStopping = true;
    return isNews;
  }

  send(most: number): void {
    holds(!this.isClosed, "nothing is sent to a closed end");
    if (this.isSendPending) return;
    const { size } = this.outgoing.queue;
    holds(size > 0, "what is sent is queued");
    this.asked = most === 0 ? size : Math.min(most, size);
    this.isSendPending = true;
    if (this.carrier.isPrompt) this.completeSend();
  }

  cancel(): void {
    this.isCancelled = true;
  }

  finish(): void {
    holds(!this.isSendPending, "FIN comes after the last byte");
    const { connection } = this;
    if (connection.isBroken) return;
    this.carrier.checkEnd(connection);
    connection.finSent = true;
  }

  close(isClean: boolean): void {
    holds(!this.isBusy, "an end is closed when nothing of it is in flight");
    holds(!this.isClosed, "an end is closed once");
    this.isClosed = true;
    this.carrier.close(this, isClean);
    this.owner.endClosed(this);
  }

  get unsent(): number {
    const { sent, acked, isBroken } = this.connection;
    return isBroken ? 0 : sent - acked;
  }

  get unread(): number {
    return this.connection.readable;
  }

  get otherAddress(): Uint8Array | null {
    const { connection } = this;
    return connection.isBroken ? null : this.carrier.addressOf(connection);
  }

  get ownAddress(): Uint8Array | null {
    return this.connection.isBroken ? null : OWN_ADDRESS;
  }

  keepUrgentBytes(): void {}

  sendFirst(bytes: Uint8Array): boolean {
    const { carrier, connection } = this;
    if (connection.isClient) return this.reply();
    holds(connection.sent === 0 && connection.told.length === 0, "a header comes first, and once");
    carrier.onHeader(connection, bytes);
    connection.told = bytes.slice();
    if (!carrier.fate.strikes("again")) return true;
    // It was gone just then.
    connection.break(Errno.ECONNRESET);
    carrier.witness.lost(connection);
    return false;
  }

  /** A step answers the client; that is no byte of a flow. */
  private reply(): boolean {
    const { carrier, connection } = this;
    holds(connection.sent === 0 && !this.isSendPending, "a step replies before the flow begins");
    if (connection.isBroken) carrier.witness.lost(connection);
    return !connection.isBroken;
  }

  /** Lets happen to it what can happen now. @returns whether anything did */
  step(): boolean {
    if (this.isClosed) return false;
    const sends = this.isSendPending && !this.carrier.isSlow && this.completeSend();
    const receives = this.isReceivePending && !this.carrier.isSlow && this.completeReceive();
    return sends || receives || this.tellReset();
  }

  private completeSend(): boolean {
    const { carrier, connection, outgoing } = this;
    const verdict = connection.sendVerdict();
    if (verdict === null && connection.sendRoom === 0 && !this.isCancelled) return false;
    this.isSendPending = false;
    holds(outgoing.queue.size >= this.asked, "what is being sent stays where it is");
    if (this.isCancelled) outgoing.sent(0, this.asked);
    else if (verdict !== null) {
      // Of who was told the end nobody knows by that.
      if (connection.isBroken) carrier.witness.lost(connection);
      outgoing.targetLost();
    } else {
      const size = carrier.part(Math.min(this.asked, connection.sendRoom));
      for (const view of outgoing.queue.views(0, size)) carrier.carry(connection, view);
      carrier.witness.sent(connection);
      outgoing.sent(size, this.asked);
    }
    return true;
  }

  private completeReceive(): boolean {
    const { carrier, connection, incoming } = this;
    const { queue } = incoming;
    // A multishot receive goes on after what it has brought, one that was limited never does.
    if (connection.readable > 0 && !this.isCancelled && !queue.memory.isDry) {
      if (this.isStopping && carrier.isSlow) return false;
      const size = carrier.part(Math.min(connection.readable, this.most));
      this.isReceivePending = carrier.goesOn && !this.isLimited && !this.isStopping;
      this.read(size);
      carrier.witness.heard(connection);
      incoming.received(size);
      return true;
    }
    if (this.isCancelled || this.isStopping) {
      this.isReceivePending = false;
      this.isStopping = false;
      incoming.receiveStopped();
      return true;
    }
    if (connection.readable > 0) {
      this.isReceivePending = false;
      incoming.starve();
      return true;
    }
    const verdict = connection.receiveVerdict();
    if (verdict === null) return false;
    this.isReceivePending = false;
    if (verdict === 0) {
      carrier.witness.ended(connection);
      if (incoming.steps !== null) carrier.onHeaderOver(connection);
      incoming.sourceEnded();
    } else {
      carrier.witness.lost(connection);
      incoming.sourceReset();
    }
    return true;
  }

  /** Takes the next bytes that the far end has written. */
  private read(size: number): void {
    const { connection, incoming } = this;
    for (let left = size; left > 0; ) {
      const view = streamView(connection, connection.received, left);
      incoming.queue.push(view);
      connection.received += view.length;
      left -= view.length;
    }
  }

  /** Of one that is not read nobody else tells. */
  private tellReset(): boolean {
    if (!this.isWatched || this.isReceivePending || !this.connection.isBroken) return false;
    this.isWatched = false;
    this.carrier.witness.lost(this.connection);
    this.incoming.sourceBroken();
    return true;
  }
}
