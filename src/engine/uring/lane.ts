import { Effect, type Flow, Phase } from "../../flow/flow.ts";
import { Errno } from "../linux.ts";
import type { Copy } from "../mirror/copy.ts";
import type { Pacer, Pacing } from "../pacer.ts";
import { CQE_BUFFER_SHIFT, CqeFlag } from "./abi.ts";
import { NONE } from "./chunks.ts";
import type { UringConduit } from "./conduit.ts";
import type { Group } from "./group.ts";
import type { Loop } from "./loop.ts";
import { Operation } from "./ticket.ts";

/** Which way a lane goes; also its place in tables. */
export enum Direction {
  Up,
  Down,
}

/** Chunks that a lane may queue; with more its source is not read, however small they are. */
const CHUNKS_MAX = 32;
/** So few are left when it is read again. */
const CHUNKS_FEW = 8;
/** The same in large buffers, each of which is held whole for whatever few bytes a receive brings. */
const LARGE_CHUNKS_MAX = 3;
const LARGE_CHUNKS_FEW = 2;
/** Receives in a row that fill a small buffer before the lane is given large ones. */
const PROMOTE_AFTER = 2;
/** Receives in a row that a small buffer had been enough for before it gets those again. */
const DEMOTE_AFTER = 4;
/** Bytes that a target is likely to take at once. */
const PROMPT_MAX = 64 * 1024;
/** Marks a chunk's buffer as one of the large ones. */
export const LARGE = 1 << 16;

/**
 * One flow on io_uring: carries out its effects as operations and reports their completions.
 *
 *     source ─ receive ─► buffer of a group ─► chunk in the queue ─► send ─► target
 *                 ▲                                                    │
 *                 └───────── the buffer goes back to the group ◄───────┘
 *
 * A chatty lane has one multishot receive from the small buffers armed all the time; one whose
 * receives fill them is promoted: it receives once at a time, into large ones. When the flow wants
 * no more, the armed receive is cancelled; what comes before the cancellation has worked is kept.
 *
 * With a rate it receives once at a time, as much as it may. While it rests the flow's receive is in
 * flight here and not in the kernel.
 *
 * `armed`, `sendPending` and `watching` are true exactly while the kernel has such an operation of
 * this lane; `flow.receiving` and `flow.sending` say what the flow believes.
 *
 * Owner: its conduit, which sets the descriptors.
 */
export class Lane {
  /** The queue: its first and its last chunk, and how many there are. */
  first = NONE;
  count = 0;
  source = -1;
  target = -1;
  /** The target is nobody: bytes are counted and thrown away. */
  discards = false;
  /** Gets what the target gets; null for nobody. Set for each tenant, as long as it runs. */
  copy: Copy | null = null;
  armed = false;
  /** What comes is a header first, which is not the flow's. */
  hasPreamble = false;
  /** Bytes of it that are queued, as it may turn out to be none. */
  private preambleBytes = 0;
  sendPending = false;
  /** A zero-copy send is over, but the kernel still needs its bytes. */
  noticePending = false;
  watching = false;
  /** It waits for buffers to come back. */
  waiting = false;
  /** The loop knows that it has something to send at the end of the turn. */
  marked = false;
  /** The send in flight is over when it was submitted, silently if its target took it whole. */
  isPrompt = false;
  /** The last send was taken whole. */
  private takesAll = true;
  private last = NONE;
  private cancelling = false;
  private large = false;
  private streak = 0;
  /** What the sender keeps for the send in flight, such as its `struct msghdr`. */
  slot = NONE;
  /** Bytes of the send in flight. */
  private asked = 0;
  private zeroCopyResult = 0;
  /** The group that the armed receive takes from. */
  private from: Group | null = null;
  /** Bytes before those of the source, in what the armed receive brings. */
  private prefix = 0;
  private stillLooks = 0;
  private sentBefore = 0;
  /** How fast it may be; null for as fast as it can. */
  private pacing: Pacing | null = null;

  constructor(
    readonly flow: Flow,
    readonly direction: Direction,
    readonly conduit: UringConduit,
    private readonly loop: Loop,
  ) {}

  /** Carries out what the flow asked for. */
  start(effects: Effect): void {
    if ((effects & Effect.Send) !== 0) this.loop.mark(this);
    if ((effects & Effect.Receive) !== 0) this.arm();
    if ((effects & Effect.End) !== 0) this.conduit.end(this);
  }

  /** Gives it the pace of its listener. */
  setPace(pacer: Pacer | null): void {
    this.pacing = pacer === null ? null : pacer.begin(() => this.rested());
  }

  /** It does not receive for now, because of its rate. */
  get isResting(): boolean {
    return this.pacing?.isResting ?? false;
  }

  /** Its source is gone: what that has sent lies in the kernel, and waiting would spare nobody. */
  hurry(): void {
    if (this.pacing === null) return;
    this.pacing.end();
    this.pacing = null;
    this.rested();
  }

  setSource(source: number, isQuiet: boolean): void {
    this.source = source;
    this.arm(isQuiet);
  }

  /**
   * Receives, unless that is under way.
   *
   * @param isQuiet the source has sent nothing yet
   */
  arm(isQuiet = false): void {
    if (this.armed || this.waiting || this.source < 0) return;
    const { loop } = this;
    let most = 0;
    if (this.pacing !== null) {
      most = this.pacing.allowance();
      if (most === 0) {
        this.watch();
        return;
      }
    }
    // While others hold all large buffers, small ones have to do.
    const isLarge = this.large && !loop.memory.group(this.direction, true).dry;
    const group = loop.memory.group(this.direction, isLarge);
    this.from = group;
    this.prefix = loop.receiver.prefix(group, isLarge, most);
    this.armed = true;
    this.conduit.pending++;
    loop.receiver.start(this, group, isLarge, isQuiet, most);
  }

  /** A completion of the armed receive. */
  receiveCompleted(result: number, flags: number): void {
    if ((flags & CqeFlag.More) === 0) {
      this.armed = false;
      this.cancelling = false;
      this.conduit.pending--;
    }
    // What comes as a message has a header before it, even when nothing follows: that is the end.
    const size = result > 0 ? result - this.prefix : result;
    if (size > 0) {
      this.take(size, flags);
      return;
    }
    if ((flags & CqeFlag.Buffer) !== 0) this.from?.returned(flags >>> CQE_BUFFER_SHIFT);
    if (size === 0) this.conduit.sourceEnded(this);
    else this.receiveFailed(-size);
  }

  /** Prepares a send of what is queued. Called at the end of a turn, with the send in flight. */
  send(): void {
    this.marked = false;
    const { flow, loop } = this;
    if (!flow.sending || this.sendPending || this.noticePending || this.first === NONE) return;
    if (this.discards) {
      this.discard();
      return;
    }
    this.sendPending = true;
    this.conduit.pending++;
    this.isPrompt = this.mayBePrompt;
    this.asked = loop.sender.start(this);
    if (this.isPrompt) loop.expectPrompt(this);
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

  /**
   * Whether the next send may be one that does not wake the loop when it is over: that saves a turn
   * and a completion for most messages. Not when anybody waits for it to be over: the source to be
   * read on, the target to be told the end, others to be given the buffers.
   */
  private get mayBePrompt(): boolean {
    const { flow, loop } = this;
    if (!loop.allowsPrompt || !loop.sender.canBePrompt || loop.memory.isAwaited) return false;
    if (!this.takesAll || flow.size > PROMPT_MAX || flow.phase !== Phase.Open) return false;
    return this.armed && !this.cancelling;
  }

  /** The completion of the send in flight. */
  sendCompleted(result: number, flags: number): void {
    this.isPrompt = false;
    if ((flags & CqeFlag.Notification) !== 0) {
      this.noticePending = false;
      this.conduit.notices--;
    } else {
      this.sendPending = false;
      this.conduit.pending--;
    }
    // A zero-copy send completes twice: what it sent, and that the kernel is done with the bytes. That
    // may be long after, as the other end has to take them; a relay does not live on for it.
    if ((flags & CqeFlag.More) !== 0) {
      this.zeroCopyResult = result;
      this.noticePending = true;
      this.conduit.notices++;
      const isBroken = result < 0 && result !== -Errno.EAGAIN && result !== -Errno.EINTR;
      if (isBroken) this.conduit.targetLost(this);
      else if (this.flow.phase === Phase.Aborted && this.flow.sending) this.flow.sent(0);
      this.conduit.settle();
      return;
    }
    const sent = (flags & CqeFlag.Notification) !== 0 ? this.zeroCopyResult : result;
    this.loop.sender.done(this, sent, this.asked);
    this.takesAll = sent === this.asked;
    if (this.flow.phase === Phase.Aborted) {
      if (this.flow.sending) this.flow.sent(0);
      this.drop();
      this.conduit.settle();
    } else if (sent >= 0) this.sent(sent);
    else if (sent === -Errno.EAGAIN || sent === -Errno.EINTR) this.start(this.flow.sent(0));
    else this.conduit.targetLost(this);
  }

  /** The source, which was not read, has an error or is shut on both sides. */
  watchCompleted(result: number, flags: number): void {
    if ((flags & CqeFlag.More) === 0) {
      this.watching = false;
      this.conduit.pending--;
    }
    const POLLERR = 8;
    if (result > 0 && (result & POLLERR) !== 0) this.conduit.sourceBroken(this);
    else this.conduit.settle();
  }

  /** Lets the armed receive find out that its source was reset, if it was. */
  lookForReset(): void {
    if (!this.armed || this.cancelling || this.source < 0) return;
    // Armed anew it meets the error, or the end, at once.
    if (this.loop.sockets.otherAddress(this.source) === null) this.cancel();
  }

  /** Whether there are buffers for its next receive. */
  get hasBuffers(): boolean {
    return this.loop.memory.group(this.direction, false).provided > 0;
  }

  /** Buffers are there again. */
  feed(): void {
    this.waiting = false;
    if (this.flow.starved) this.start(this.flow.fed());
  }

  /** Forgets the bytes that no target will get, and gives their memory back. */
  drop(): void {
    if (this.sendPending || this.noticePending) return;
    while (this.first !== NONE) this.shift();
  }

  /** Bytes of the queue's first chunk, and where they are. */
  get firstAddress(): number {
    const { chunks, memory } = this.loop;
    const buffer = chunks.buffer[this.first] as number;
    return memory.address(buffer, chunks.start[this.first] as number);
  }

  get firstSize(): number {
    const { chunks } = this.loop;
    return (chunks.end[this.first] as number) - (chunks.start[this.first] as number);
  }

  /**
   * How many looks in a row, this one included, found queued bytes of which none was sent since the
   * look before; 0 when some were, or none is queued.
   */
  lookStill(): number {
    const { sentBytes } = this.flow;
    const still = this.first !== NONE && sentBytes === this.sentBefore;
    this.stillLooks = still ? this.stillLooks + 1 : 0;
    this.sentBefore = sentBytes;
    return this.stillLooks;
  }

  /** Ready for the next tenant. Nothing is in flight. */
  clear(): void {
    this.drop();
    this.source = -1;
    this.target = -1;
    this.copy = null;
    this.large = false;
    this.takesAll = true;
    this.isPrompt = false;
    this.streak = 0;
    this.stillLooks = 0;
    this.sentBefore = 0;
    this.cancelling = false;
    this.hasPreamble = false;
    this.preambleBytes = 0;
    // It may still stand in the row of those who wait, where nobody minds it.
    this.waiting = false;
    this.from = null;
    this.pacing?.end();
    this.pacing = null;
  }

  /** It may receive again, if its flow still wants to. */
  private rested(): void {
    if (this.flow.receiving && this.flow.phase === Phase.Open) this.arm();
  }

  /** A receive has brought bytes: they become chunks at the end of the queue. */
  private take(size: number, flags: number): void {
    const { flow } = this;
    if (this.hasPreamble) {
      this.takePreamble(size, flags);
      return;
    }
    if (flow.receivedBytes === 0 && this.direction === Direction.Down) {
      this.conduit.firstBytesCame();
    }
    this.conduit.lastHeard = this;
    if (this.loop.meter.received(size)) flow.receivedShort();
    if (this.pacing !== null) this.pacing.used(size);
    this.loop.received();
    const wasReceiving = flow.receiving;
    const isKept = flow.phase === Phase.Open && flow.lostBytes === 0;
    this.queue(size, flags, isKept);
    let effects = Effect.None;
    if (isKept && this.count >= this.chunksMax) flow.crowd();
    if (wasReceiving) effects = flow.received(size);
    else flow.flushed(size, size);
    this.start(effects & ~Effect.Receive);
    this.adapt(size);
    if (flow.receiving) this.arm();
    else if (flow.phase === Phase.Open) this.pause(wasReceiving);
    else if (!this.armed) this.conduit.settle();
  }

  /** A receive has brought bytes of a header, and perhaps the first ones of the flow. */
  private takePreamble(size: number, flags: number): void {
    const { chunks, memory } = this.loop;
    const before = this.last;
    const isFirst = this.first === NONE;
    this.queue(size, flags, true);
    let header = 0;
    for (let chunk = isFirst ? this.first : (chunks.next[before] as number); chunk !== NONE; ) {
      const start = chunks.start[chunk] as number;
      const length = (chunks.end[chunk] as number) - start;
      const view = memory.view(chunks.buffer[chunk] as number, start, length);
      header += this.conduit.preamble(view);
      if (!this.hasPreamble) break;
      chunk = chunks.next[chunk] as number;
    }
    if (!this.hasPreamble) {
      if (this.conduit.refusedFor !== null) this.drop();
      else if (this.conduit.hasHeader) this.consume(this.preambleBytes + header);
      this.preambleOver();
      return;
    }
    this.preambleBytes += header;
    // As long as it may be no header at all, everything is kept.
    if (!this.conduit.isUndecided) {
      this.consume(this.preambleBytes);
      this.preambleBytes = 0;
    }
    if (!this.armed) this.arm();
  }

  /** What is queued is the flow's, if the relay goes on. */
  preambleOver(): void {
    const { flow } = this;
    this.preambleBytes = 0;
    let size = 0;
    for (let chunk = this.first; chunk !== NONE; ) {
      const { chunks } = this.loop;
      size += (chunks.end[chunk] as number) - (chunks.start[chunk] as number);
      chunk = chunks.next[chunk] as number;
    }
    if (flow.phase !== Phase.Open) {
      this.drop();
      this.conduit.settle();
      return;
    }
    if (size > 0) {
      this.conduit.lastHeard = this;
      this.loop.meter.received(size);
      if (this.pacing !== null) this.pacing.used(size);
      this.start(flow.received(size) & ~Effect.Receive);
    }
    if (flow.receiving) this.arm();
    else this.pause(true);
  }

  private get chunksMax(): number {
    const { from } = this;
    if (from?.low) return 1;
    return from?.slabs === this.loop.memory.large ? LARGE_CHUNKS_MAX : CHUNKS_MAX;
  }

  private get chunksFew(): number {
    if (this.loop.memory.group(this.direction, false).low) return 0;
    return this.large ? LARGE_CHUNKS_FEW : CHUNKS_FEW;
  }

  private queue(size: number, flags: number, isKept: boolean): void {
    const group = this.from as Group;
    const { prefix } = this;
    const bufferSize = group.slabs.size - prefix;
    const mark = group.slabs === this.loop.memory.large ? LARGE : 0;
    let index = flags >>> CQE_BUFFER_SHIFT;
    // A bundle goes on in the buffers behind its first one.
    for (let left = size; left > 0; ) {
      const part = Math.min(left, bufferSize);
      const after = left > part ? group.after(index) : 0;
      const isOpen = (flags & CqeFlag.BufferMore) !== 0;
      const start = group.took(index, prefix + part, isOpen) + prefix;
      if (isKept) this.append(this.loop.chunks.take(index | mark, start, start + part));
      else group.released(index);
      left -= part;
      index = after;
    }
  }

  private append(chunk: number): void {
    if (this.first === NONE) this.first = chunk;
    else this.loop.chunks.next[this.last] = chunk;
    this.last = chunk;
    this.count++;
  }

  /** Chooses the size of the next buffers by what came in this one. */
  private adapt(size: number): void {
    const { memory } = this.loop;
    const small = memory.small.size - this.prefix;
    if (this.large) {
      this.streak = size <= small ? this.streak + 1 : 0;
      if (this.streak >= DEMOTE_AFTER && this.from === memory.group(this.direction, true)) {
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
    if (!this.large || !this.armed || this.cancelling) return;
    if (!memory.group(this.direction, true).dry) this.cancel();
  }

  /** The flow wants no more for now. */
  private pause(isNew: boolean): void {
    if (isNew && !this.flow.starved) this.flow.paused();
    if (this.armed && !this.cancelling) this.cancel();
    this.watch();
  }

  private cancel(): void {
    this.cancelling = true;
    const operation = Operation.ReceiveUp + this.direction;
    this.loop.prepare.cancel(this.conduit.ticket(operation), this.conduit.generation);
  }

  /** A source that is not read cannot be seen to be reset, unless it is watched for that. */
  private watch(): void {
    if (this.watching || this.source < 0) return;
    this.watching = true;
    this.conduit.pending++;
    const low = this.conduit.ticket(Operation.WatchUp + this.direction);
    this.loop.prepare.watch(this.source, low, this.conduit.generation);
  }

  private receiveFailed(errno: number): void {
    const { flow } = this;
    switch (errno) {
      case Errno.ENOBUFS:
        this.ranOut(this.from as Group);
        break;
      case Errno.ECANCELED:
      case Errno.EAGAIN:
      case Errno.EINTR:
        // Cancelled to be armed anew, or to pause: whatever the flow wants by now.
        if (flow.receiving && flow.phase === Phase.Open) this.arm();
        else if (flow.receiving) flow.stopped();
        break;
      default:
        this.conduit.sourceReset(this);
        return;
    }
    this.conduit.settle();
  }

  /** The group had no buffer for the receive. */
  private ranOut(group: Group): void {
    const { flow, loop } = this;
    group.ranOut();
    if (!flow.receiving) return;
    if (flow.phase !== Phase.Open) {
      flow.stopped();
    } else if (!group.dry || group === loop.memory.group(this.direction, true)) {
      // There are more buffers than were provided: they are, before the kernel looks again. Or there
      // are no more large ones: then small ones have to do.
      this.arm();
    } else {
      flow.starve();
      flow.stopped();
      this.waiting = true;
      this.watch();
      loop.memory.wait(this);
    }
  }

  private sent(size: number): void {
    const { flow } = this;
    if (size < this.asked) flow.sentShort();
    if (size > 0) this.loop.meter.sent(size);
    if (this.copy !== null) this.copyFirst(this.copy, size);
    this.consume(size);
    let effects = flow.sent(size);
    if (flow.starved && !this.waiting && this.count <= this.chunksFew) effects |= flow.fed();
    this.start(effects);
    this.conduit.settle();
  }

  /** The target has taken the first bytes of the queue: so may another one, before they are forgotten. */
  private copyFirst(copy: Copy, size: number): void {
    const { chunks, memory } = this.loop;
    let left = size;
    for (let chunk = this.first; left > 0; chunk = chunks.next[chunk] as number) {
      const start = chunks.start[chunk] as number;
      const length = Math.min(left, (chunks.end[chunk] as number) - start);
      copy.push(memory.view(chunks.buffer[chunk] as number, start, length));
      left -= length;
    }
  }

  /** Counts what is queued as sent, and throws it away. */
  private discard(): void {
    let size = 0;
    while (this.first !== NONE) {
      size += this.firstSize;
      this.shift();
    }
    let effects = this.flow.sent(size);
    if (this.flow.starved && !this.waiting) effects |= this.flow.fed();
    this.start(effects);
    this.conduit.settle();
  }

  private consume(size: number): void {
    const { chunks } = this.loop;
    for (let left = size; left > 0; ) {
      const { first, firstSize } = this;
      if (left < firstSize) {
        chunks.start[first] = (chunks.start[first] as number) + left;
        return;
      }
      left -= firstSize;
      this.shift();
    }
  }

  /** The first chunk is done with. */
  private shift(): void {
    const { chunks, memory } = this.loop;
    const chunk = this.first;
    this.first = chunks.next[chunk] as number;
    this.count--;
    memory.released(this.direction, chunks.buffer[chunk] as number);
    chunks.release(chunk);
  }
}
