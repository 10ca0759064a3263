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

/** What ends need of their loop. */
export interface EndHost extends SenderHost {
  readonly hall: { readonly descriptors: Descriptors };
  readonly ends: Ends;
  readonly receiver: Receiver;
  readonly sender: Sender;
  readonly sockets: Sockets;
  readonly tuning: Tuning;
  /** Whether sends may be silent. */
  readonly allowsPrompt: boolean;
  /** An end has something to send at the end of the turn. */
  mark(end: UringEnd): void;
  /** Its send is silent unless a completion says otherwise. */
  expectPrompt(end: UringEnd, hasCopy: boolean): void;
  /** Bytes have come. */
  received(): void;
  /** @param isClean with FIN, not RST */
  closeSocket(descriptor: number, isClean: boolean): void;
}

/** Receives in a row that fill a small buffer before the end is given large ones. */
const PROMOTE_AFTER = 2;
/** Receives in a row that a small buffer had been enough for before it gets those again. */
const DEMOTE_AFTER = 4;
/** Bytes that an end is likely to take at once. */
const PROMPT_MAX = 64 * 1024;

/** A flow over two ends of this carrier. */
export type UringLane = Lane<UringEnd, Chain>;

/** Who has an end. */
export interface EndOwner {
  /** The kernel has nothing of it any more, and it is closed. */
  endClosed(end: UringEnd): void;
}

/**
 * One connection on io_uring: has operations carried out, and reports their completions to the two lanes
 * that meet in it.
 *
 *     receive ─► buffer of a group ─► chunk in the incoming lane's queue
 *     send    ◄─ chunks of the outgoing lane's queue; the buffers go back when they were taken
 *
 * One that is chatty has one multishot receive from the small buffers armed all the time; one whose
 * receives fill them is promoted: it receives once at a time, into large ones. When no more is wanted, the
 * armed receive is cancelled; what comes before the cancellation has worked is kept. Meanwhile it is
 * watched, as a connection that is not read cannot be seen to be reset.
 *
 * It has a slot, which its tickets name. `armed`, `sendPending` and `watching` are true exactly while the
 * kernel has such an operation of it, and `pending` counts these.
 *
 * Owner: a conduit, from {@link Ends.open} until it is closed.
 */
export class UringEnd implements CompletingEnd {
  /** Counts who had it: part of every ticket. */
  generation = 0;
  descriptor = -1;
  /** Operations that the kernel has. */
  pending = 0;
  armed = false;
  sendPending = false;
  /** A zero-copy send is over, but the kernel still needs its bytes. */
  noticePending = false;
  watching = false;
  /** It waits for buffers to come back. */
  waiting = false;
  /** The loop knows that it has something to send at the end of the turn. */
  marked = false;
  /** The send in flight is over when it was submitted, silently if it was taken whole. */
  isPrompt = false;
  /** What the sender keeps for the send in flight, such as its `struct msghdr`. */
  message = NONE;
  /** The lanes that it is the source and the target of; null while it is nobody's. */
  incoming: UringLane | null = null;
  outgoing: UringLane | null = null;
  owner: EndOwner | null = null;
  private stopped = false;
  private cancelling = false;
  private large = false;
  private streak = 0;
  /** The group that the armed receive takes from. */
  private from: Group | null = null;
  /** Bytes before those of the other end, in what the armed receive brings. */
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

  get limitsReceives(): boolean {
    return true;
  }

  get isReceiving(): boolean {
    return this.armed && !this.cancelling;
  }

  get holdsQueue(): boolean {
    return this.sendPending || this.noticePending;
  }

  /** It is somebody's from now on. */
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
    // While others hold all large buffers, small ones have to do.
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

  /** A completion of the armed receive. */
  receiveCompleted(result: number, flags: number): void {
    if ((flags & CqeFlag.More) === 0) {
      this.armed = false;
      this.cancelling = false;
      this.pending--;
    }
    const lane = this.incoming as UringLane;
    // What comes as a message has a header before it, even when nothing follows: that is the end.
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

  /** Prepares a send of what is queued for it. Called at the end of a turn. */
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
   * A prompt send was submitted, and everything that had to be told was told.
   *
   * @returns whether it was silent, and so is over now
   */
  promptSent(): boolean {
    if (!this.isPrompt) return false;
    this.sendCompleted(this.asked, 0);
    return true;
  }

  /** The completion of the send in flight. */
  sendCompleted(result: number, flags: number): void {
    const lane = this.outgoing as UringLane;
    this.isPrompt = false;
    const isNotice = (flags & CqeFlag.Notification) !== 0;
    if (isNotice) this.noticePending = false;
    else {
      this.sendPending = false;
      this.pending--;
    }
    // A zero-copy send completes twice: what it sent, and that the kernel is done with the bytes. That
    // may be long after, as the other end has to take them; a relay does not live on for it.
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

  /** It was not read, and has an error or is shut on both sides. */
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

  /** Lets the armed receive find out that it was reset, if it was. */
  lookForReset(): void {
    if (!this.isReceiving || this.descriptor < 0) return;
    // Armed anew it meets the error, or the end, at once.
    if (this.loop.sockets.otherAddress(this.descriptor) === null) this.cancelReceive();
  }

  /** Whether there are buffers for its next receive. */
  get hasBuffers(): boolean {
    return this.loop.memory.group(this.queue.direction, false).provided > 0;
  }

  /** Buffers are there again. */
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
    // Before, so that nothing that fails meanwhile has it closed twice: another's would be hit.
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

  /** The low word of a ticket of it. */
  ticket(operation: Operation): number {
    return ticketLow(operation, this.slot);
  }

  private get queue(): Chain {
    return (this.incoming as UringLane).queue;
  }

  /**
   * What was sent without copying is the kernel's until it says so; the reset of a closed connection makes
   * it do that.
   */
  private released(): void {
    const { owner } = this;
    if (this.descriptor >= 0 || this.noticePending || owner === null) return;
    // It may still stand in the row of those who wait, where nobody minds it.
    this.waiting = false;
    this.owner = null;
    this.from = null;
    this.incoming = null;
    this.outgoing = null;
    this.loop.ends.release(this);
    owner.endClosed(this);
  }

  /**
   * Whether the next send may be one that does not wake the loop when it is over: that saves a turn
   * and a completion for most messages. Not when anybody waits for it to be over: the source to be
   * read on, the target to be told the end, others to be given the buffers.
   */
  private mayBePrompt(lane: UringLane): boolean {
    const { loop } = this;
    if (!loop.allowsPrompt || !loop.sender.canBePrompt || loop.memory.isAwaited) return false;
    return this.takesAll && lane.queue.size <= PROMPT_MAX && lane.mayLag;
  }

  /** A receive has brought bytes: they become chunks at the end of the queue. */
  private take(size: number, flags: number): void {
    const { prefix, queue } = this;
    const group = this.from as Group;
    const bufferSize = group.slabs.size - prefix;
    const mark = group.slabs === this.loop.memory.large ? LARGE : 0;
    const isOpen = (flags & CqeFlag.BufferMore) !== 0;
    let index = flags >>> CQE_BUFFER_SHIFT;
    // A bundle goes on in the buffers behind its first one.
    for (let left = size; left > 0; ) {
      const part = Math.min(left, bufferSize);
      const after = left > part ? group.after(index) : 0;
      const start = group.took(index, prefix + part, isOpen) + prefix;
      queue.push(index | mark, start, start + part);
      left -= part;
      index = after;
    }
  }

  /** Chooses the size of the next buffers by what came in this one. */
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
    // An armed receive takes small buffers for ever: it has to end before large ones are used.
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

  /** A source that is not read cannot be seen to be reset, unless it is watched for that. */
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
      // There are more buffers than were provided: they are, before the kernel looks again. Or there
      // are no more large ones: then small ones have to do.
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

/** The ends of a loop, by their slots, which are used again and again. Owner: the loop. */
export class Ends {
  readonly slots: UringEnd[] = [];
  private readonly spare: UringEnd[] = [];

  constructor(private readonly loop: EndHost) {}

  /**
   * An end for a connection, whose descriptor it closes.
   *
   * @param incoming the lane that it is the source of
   * @param outgoing the lane that it is the target of
   */
  open(descriptor: number, owner: EndOwner, incoming: UringLane, outgoing: UringLane): UringEnd {
    const end = this.spare.pop() ?? this.add();
    end.open(descriptor, owner, incoming, outgoing);
    return end;
  }

  /** Nothing of an end is left. */
  release(end: UringEnd): void {
    this.spare.push(end);
  }

  private add(): UringEnd {
    const end = new UringEnd(this.loop, this.slots.length);
    this.slots.push(end);
    return end;
  }
}
