import { assert } from "../../assert.ts";
import type { Lane } from "../../relay/lane.ts";
import type { Descriptors } from "../../system/descriptors.ts";
import { Errno } from "../../system/linux.ts";
import type { CompletingEnd } from "../end.ts";
import { CQE_BUFFER_SHIFT, CqeFlag } from "./abi.ts";
import type { Chain } from "./chain.ts";
import { NONE } from "./chunks.ts";
import type { Group } from "./group.ts";
import type { Sockets } from "./kernel.ts";
import { LARGE } from "./memory.ts";
import type { Receiver } from "./receiver.ts";
import type { Sender, SenderHost } from "./senders/sender.ts";
import { Operation, ticketLow } from "./ticket.ts";
import type { Tuning } from "./tuning.ts";

/** The part of the loop that ends use. */
export interface EndHost extends SenderHost {
  readonly hall: { readonly descriptors: Descriptors };
  readonly ends: Ends;
  readonly receiver: Receiver;
  readonly sender: Sender;
  readonly sockets: Sockets;
  readonly tuning: Tuning;
  /** Whether sends may complete silently. */
  readonly allowsPrompt: boolean;
  /** An end has something to send at the end of the turn. */
  mark(end: UringEnd): void;
  /** Its send is silent unless a completion says otherwise. */
  expectPrompt(end: UringEnd, hasCopy: boolean): void;
  /** Bytes have arrived. */
  received(): void;
  /** @param isClean with FIN, not RST */
  closeSocket(descriptor: number, isClean: boolean): void;
}

/** An end gets large buffers after this many receives in a row that filled a small one. */
const PROMOTE_AFTER = 2;
/** It gets small ones again after this many receives in a row that a small one could have held. */
const DEMOTE_AFTER = 4;
/** Bytes that an end is likely to take at once. */
const PROMPT_MAX = 64 * 1024;

/** A flow over two ends of this carrier. */
export type UringLane = Lane<UringEnd, Chain>;

/** The relay that an end belongs to. */
export interface EndOwner {
  /** The end is closed, and the kernel has nothing of it any more. */
  endClosed(end: UringEnd): void;
}

/**
 * One connection on io_uring: starts operations, and reports their completions to the two lanes
 * that meet in it.
 *
 *     receive ─► buffer of a group ─► chunk in the incoming lane's queue
 *     send    ◄─ chunks of the outgoing lane's queue; the buffers go back once they are sent
 *
 * A chatty end always has one multishot receive armed, from the small buffers. An end whose
 * receives fill them is promoted: it receives once at a time, into large ones. When no more is
 * wanted, the armed receive is cancelled, and what arrives before that takes effect is kept.
 * Meanwhile the end is watched, because the reset of a connection that is not read would go
 * unnoticed.
 *
 * Its tickets name its slot. `armed`, `sendPending` and `watching` are true exactly while the
 * kernel has such an operation of it, and `pending` counts these.
 *
 * Owner: a conduit, from {@link Ends.open} until it is closed.
 */
export class UringEnd implements CompletingEnd {
  /** Counts the tenants of this slot; part of every ticket. */
  generation = 0;
  descriptor = -1;
  /** How many operations the kernel has. */
  pending = 0;
  armed = false;
  sendPending = false;
  /** A zero-copy send is over, but the kernel still needs its bytes. */
  noticePending = false;
  watching = false;
  /** It waits for free buffers. */
  waiting = false;
  /** The loop will flush it at the end of the turn. */
  marked = false;
  /** The send in flight completes at its submission, silently if it was taken whole. */
  isPrompt = false;
  /** What the sender keeps for the send in flight, such as its `struct msghdr`. */
  message = NONE;
  /** The lanes that it is the source and the target of; null while it is free. */
  incoming: UringLane | null = null;
  outgoing: UringLane | null = null;
  owner: EndOwner | null = null;
  private stopped = false;
  private cancelling = false;
  private large = false;
  private streak = 0;
  /** The group that the armed receive takes from. */
  private from: Group | null = null;
  /** Bytes of a header before the source's bytes, in what the armed receive brings. */
  private prefix = 0;
  /** Bytes of the send in flight. */
  private asked = 0;
  /** The last send was taken whole. */
  private takesAll = true;
  private zeroCopyResult = 0;
  private swept = false;

  constructor(
    private readonly loop: EndHost,
    readonly slot: number,
  ) {}

  get isInside(): boolean {
    return false;
  }

  get limitsReceives(): boolean {
    return !this.isInside;
  }

  get isReceiving(): boolean {
    return this.armed && !this.cancelling;
  }

  get holdsQueue(): boolean {
    return this.sendPending || this.noticePending;
  }

  /** Begins a tenancy. */
  open(descriptor: number, owner: EndOwner, incoming: UringLane, outgoing: UringLane): void {
    assert(this.owner === null, "open: the end is nobody's");
    this.generation++;
    this.descriptor = descriptor;
    this.owner = owner;
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.stopped = false;
    this.cancelling = false;
    this.large = false;
    this.streak = 0;
    this.takesAll = true;
    this.isPrompt = false;
    this.swept = false;
  }

  receive(most: number, isQuiet: boolean): void {
    this.stopped = false;
    if (this.armed || this.waiting || this.descriptor < 0) return;
    const { loop } = this;
    const { direction } = this.queue;
    // If slow targets hold all large buffers, small ones have to do.
    const isLarge = this.large && !loop.memory.group(direction, true).dry;
    const group = loop.memory.group(direction, isLarge);
    this.from = group;
    this.prefix = loop.receiver.prefix(group, isLarge, most);
    this.armed = true;
    this.pending++;
    loop.receiver.start(this, group, isLarge, isQuiet, most);
  }

  stop(): boolean {
    if (this.stopped) return false;
    this.stopped = true;
    if (this.armed && !this.cancelling) this.cancelReceive();
    this.watch();
    return true;
  }

  send(): void {
    if (!this.marked) this.loop.mark(this);
  }

  /** Handles a completion of the armed receive. */
  receiveCompleted(result: number, flags: number): void {
    if ((flags & CqeFlag.More) === 0) {
      this.armed = false;
      this.cancelling = false;
      this.pending--;
    }
    const lane = this.incoming as UringLane;
    // A message has a header before its bytes, even if there are none, which is the end.
    const size = result > 0 ? result - this.prefix : result;
    if (size > 0) {
      this.loop.received();
      this.take(size, flags);
      this.adapt(size);
      lane.received(size);
      return;
    }
    if ((flags & CqeFlag.Buffer) !== 0) this.from?.returned(flags >>> CQE_BUFFER_SHIFT);
    if (size === 0) lane.sourceEnded();
    else this.receiveFailed(-size, lane);
  }

  /** Prepares a send of what is queued. Called at the end of a turn. */
  flush(): void {
    this.marked = false;
    const lane = this.outgoing;
    if (lane === null || !lane.isSending || this.holdsQueue || lane.queue.first === NONE) return;
    const { loop } = this;
    this.sendPending = true;
    this.pending++;
    this.isPrompt = this.mayBePrompt(lane);
    this.asked = loop.sender.start(this, lane.queue);
    if (this.isPrompt) loop.expectPrompt(this, lane.copy !== null);
  }

  /**
   * A prompt send was submitted, and all completions that it may have are handled.
   *
   * @returns whether it was silent, and so is over now
   */
  promptSent(): boolean {
    if (!this.isPrompt) return false;
    this.sendCompleted(this.asked, 0);
    return true;
  }

  /** Handles the completion of the send in flight. */
  sendCompleted(result: number, flags: number): void {
    const lane = this.outgoing as UringLane;
    this.isPrompt = false;
    const isNotice = (flags & CqeFlag.Notification) !== 0;
    if (isNotice) this.noticePending = false;
    else {
      this.sendPending = false;
      this.pending--;
    }
    // A zero-copy send completes twice: what it sent, and that the kernel is done with the bytes.
    // The second may come long after, once the other end has taken them; no relay lives on for it.
    if ((flags & CqeFlag.More) !== 0) {
      this.zeroCopyResult = result;
      this.noticePending = true;
      if (result < 0 && !isTemporary(-result)) lane.targetLost();
      else if (lane.isAborted) lane.sendFailed();
      else lane.settle();
      return;
    }
    const sent = isNotice ? this.zeroCopyResult : result;
    this.loop.sender.done(this, sent, this.asked);
    this.takesAll = sent === this.asked;
    if (sent >= 0) lane.sent(sent, this.asked);
    else if (isTemporary(-sent)) lane.sent(0, 0);
    else lane.targetLost();
    if (isNotice) this.released();
  }

  /** The unread end has an error, or is shut down in both directions. */
  watchCompleted(result: number, flags: number): void {
    if ((flags & CqeFlag.More) === 0) {
      this.watching = false;
      this.pending--;
    }
    const POLLERR = 8;
    const lane = this.incoming as UringLane;
    if (result > 0 && (result & POLLERR) !== 0) lane.sourceBroken();
    else lane.settle();
  }

  /** Re-arms the receive if the end has no peer any more, so that it reports the reset. */
  lookForReset(): void {
    if (!this.isReceiving || this.descriptor < 0) return;
    // The new receive meets the error, or the end, at once.
    if (this.loop.sockets.otherAddress(this.descriptor) === null) this.cancelReceive();
  }

  /** Whether there are buffers for its next receive. */
  get hasBuffers(): boolean {
    return this.loop.memory.group(this.queue.direction, false).provided > 0;
  }

  /** There are free buffers again. */
  feed(): void {
    this.waiting = false;
    this.queue.isDry = false;
    this.incoming?.feed();
  }

  cancel(): void {
    if (this.swept || this.pending === 0) return;
    this.swept = true;
    if (this.armed) this.cancelOperation(Operation.Receive);
    if (this.sendPending) this.cancelOperation(Operation.Send);
    if (this.watching) this.cancelOperation(Operation.Watch);
  }

  close(isClean: boolean): void {
    assert(this.pending === 0, "close: nothing is in flight");
    const { descriptor } = this;
    if (descriptor < 0) return;
    // First, so that a failure cannot close it twice: the number may be another's by then.
    this.descriptor = -1;
    this.loop.closeSocket(descriptor, isClean);
    this.loop.hall.descriptors.closed(1);
    this.released();
  }

  get unsent(): number {
    return this.loop.sockets.unsentBytes(this.descriptor);
  }

  get unread(): number {
    return this.loop.sockets.unreadBytes(this.descriptor);
  }

  get otherAddress(): Uint8Array | null {
    return this.loop.sockets.otherAddress(this.descriptor);
  }

  get ownAddress(): Uint8Array | null {
    return this.loop.sockets.ownAddress(this.descriptor);
  }

  keepUrgentBytes(): void {
    this.loop.tuning.keepUrgentBytes(this.descriptor);
  }

  sendFirst(bytes: Uint8Array): boolean {
    return this.loop.sockets.sendNow(this.descriptor, bytes) === bytes.length;
  }

  finish(): void {
    this.loop.sockets.endSending(this.descriptor);
  }

  get isBusy(): boolean {
    return this.pending > 0;
  }

  get isReceivePending(): boolean {
    return this.armed;
  }

  get isSendPending(): boolean {
    return this.sendPending;
  }

  /** The low word of one of its tickets. */
  ticket(operation: Operation): number {
    return ticketLow(operation, this.slot);
  }

  private get queue(): Chain {
    return (this.incoming as UringLane).queue;
  }

  /**
   * Frees the end, unless the kernel still needs bytes of a zero-copy send. The reset of the closed
   * connection makes it release them.
   */
  private released(): void {
    const { owner } = this;
    if (this.descriptor >= 0 || this.noticePending || owner === null) return;
    // It may still be in the list of waiting ends, where that does no harm.
    this.waiting = false;
    this.owner = null;
    this.from = null;
    this.incoming = null;
    this.outgoing = null;
    this.loop.ends.release(this);
    owner.endClosed(this);
  }

  /**
   * Whether the next send may complete without waking the loop, which saves a turn and a completion
   * for most messages. Not if something waits for its completion: a paused source, a target that
   * must get a FIN, or ends that need buffers.
   */
  private mayBePrompt(lane: UringLane): boolean {
    const { loop } = this;
    if (!loop.allowsPrompt || !loop.sender.canBePrompt || loop.memory.isAwaited) return false;
    return this.takesAll && lane.queue.size <= PROMPT_MAX && lane.mayLag;
  }

  /** Appends received bytes to the queue as chunks. */
  private take(size: number, flags: number): void {
    const { prefix, queue } = this;
    const group = this.from as Group;
    const bufferSize = group.slabs.size - prefix;
    const mark = group.slabs === this.loop.memory.large ? LARGE : 0;
    const isOpen = (flags & CqeFlag.BufferMore) !== 0;
    let index = flags >>> CQE_BUFFER_SHIFT;
    // A bundle continues in the buffers behind its first one.
    for (let left = size; left > 0; ) {
      const part = Math.min(left, bufferSize);
      const after = left > part ? group.after(index) : 0;
      const start = group.took(index, prefix + part, isOpen) + prefix;
      queue.push(index | mark, start, start + part);
      left -= part;
      index = after;
    }
  }

  /** Chooses the size of the next buffers by what this receive brought. */
  private adapt(size: number): void {
    const { memory } = this.loop;
    const small = memory.small.size - this.prefix;
    if (this.large) {
      this.streak = size <= small ? this.streak + 1 : 0;
      if (this.streak >= DEMOTE_AFTER && this.from?.slabs === memory.large) {
        this.large = false;
        this.streak = 0;
      }
    } else {
      this.streak = size >= small ? this.streak + 1 : 0;
      if (this.streak >= PROMOTE_AFTER && memory.hasLarge) {
        this.large = true;
        this.streak = 0;
      }
    }
    // An armed receive keeps taking small buffers, so it must end before large ones are used.
    if (!this.large || !this.isReceiving) return;
    if (!memory.group(this.queue.direction, true).dry) this.cancelReceive();
  }

  private cancelReceive(): void {
    this.cancelling = true;
    this.cancelOperation(Operation.Receive);
  }

  private cancelOperation(operation: Operation): void {
    this.loop.prepare.cancel(this.ticket(operation), this.generation);
  }

  /** Watches a source that is not read, because its reset would go unnoticed otherwise. */
  private watch(): void {
    if (this.watching || this.descriptor < 0) return;
    this.watching = true;
    this.pending++;
    this.loop.prepare.watch(this.descriptor, this.ticket(Operation.Watch), this.generation);
  }

  private receiveFailed(errno: number, lane: UringLane): void {
    if (errno === Errno.ENOBUFS) this.ranOut(this.from as Group, lane);
    else if (errno === Errno.ECANCELED || isTemporary(errno)) lane.receiveStopped();
    else lane.sourceReset();
  }

  /** The group had no buffer for the receive. */
  private ranOut(group: Group, lane: UringLane): void {
    const { memory } = this.loop;
    group.ranOut();
    if (!lane.wantsMore || !group.dry || group.slabs === memory.large) {
      // More buffers are provided before the kernel looks again; or the large ones are used up, and
      // small ones have to do.
      lane.receiveStopped();
      return;
    }
    this.waiting = true;
    this.queue.isDry = true;
    lane.starve();
    memory.wait(this);
    lane.settle();
  }
}

function isTemporary(errno: number): boolean {
  return errno === Errno.EAGAIN || errno === Errno.EINTR;
}

/** The ends of a loop, by slots that are reused. Owner: the loop. */
export class Ends {
  readonly slots: UringEnd[] = [];
  private readonly spare: UringEnd[] = [];

  constructor(private readonly loop: EndHost) {}

  /**
   * An end for a connection, which closes the descriptor.
   *
   * @param incoming the lane that it is the source of
   * @param outgoing the lane that it is the target of
   */
  open(descriptor: number, owner: EndOwner, incoming: UringLane, outgoing: UringLane): UringEnd {
    const end = this.spare.pop() ?? this.add();
    end.open(descriptor, owner, incoming, outgoing);
    return end;
  }

  release(end: UringEnd): void {
    this.spare.push(end);
  }

  private add(): UringEnd {
    const end = new UringEnd(this.loop, this.slots.length);
    this.slots.push(end);
    return end;
  }
}
