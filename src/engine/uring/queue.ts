import { cleanUpOrThrow } from "../../base/clean-up.ts";
import {
  addressOf,
  closeNow,
  errnoName,
  type Mapping,
  mapRing,
  systemCall,
  unmap,
  yieldProcessor,
} from "../../system/linux.ts";
import type { Held } from "../held.ts";
import {
  CQE_SIZE,
  CqOffset,
  EnterFlag,
  Feature,
  GETEVENTS_ARG_SIZE,
  GeteventsWord,
  MMAP_RINGS_OFFSET,
  MMAP_SQES_OFFSET,
  PARAMS_SIZE,
  ParamsWord,
  Register,
  RSRC_REGISTER_SPARSE,
  SetupFlag,
  SQE_SIZE,
  SqOffset,
  SqRingFlag,
  Syscall,
} from "./abi.ts";
import type { Kernel } from "./kernel.ts";
import { register, registerBufferRing, registerNapi, unregisterBufferRing } from "./register.ts";

/** The parameters of a ring. */
export interface QueueOptions {
  /** Submission entries, a power of two. */
  readonly entries: number;
  /** Completion entries, a power of two, at least as many. */
  readonly completions: number;
  /** {@link SetupFlag}s; {@link SetupFlag.CqSize} is added. */
  readonly flags: number;
  /** Milliseconds until the kernel's thread sleeps, with {@link SetupFlag.SqPoll}. */
  readonly pollIdleMs: number;
}

/** `io_uring_setup` was refused. */
class SetupError extends Error {
  override readonly name = "SetupError";
  constructor(readonly errno: number) {
    super(`io_uring_setup: ${errnoName(errno)}`);
  }
}

/**
 * Milliseconds between two attempts to submit what the kernel has refused, and how many to make.
 */
const PAUSE_MS = 1;
const TRIES_MAX = 10_000;

const still = new Int32Array(new SharedArrayBuffer(4));

function pause(): void {
  Atomics.wait(still, 0, 0, PAUSE_MS);
}

const SQE_WORDS = SQE_SIZE / 4;
const CQE_WORDS = CQE_SIZE / 4;

/**
 * An io_uring: both queues, mapped into this process.
 *
 *     sqes   [ 0 ][ 1 ][ 2 ][ 3 ]…        tail: prepared up to here; the kernel's head follows
 *     cqes   [ 0 ][ 1 ][ 2 ][ 3 ]…        head: seen up to here; the kernel's tail runs ahead
 *
 * Heads and tails count up and wrap at 2³², as the kernel's do; a mask makes an index.
 *
 * Owner: one thread, from its construction to {@link close}.
 * Source: man io_uring(7), io_uring_setup(2), io_uring_enter(2).
 */
export class Queue implements Kernel {
  readonly sqes: Uint32Array;
  readonly cqes: Uint32Array;
  readonly cqeResults: Int32Array;
  /** {@link Feature}s of the running kernel. */
  readonly features: number;
  overflows = 0;
  submissions = 0;
  private readonly descriptor: number;
  private readonly ring: Mapping;
  private readonly entries: Mapping;
  private readonly words: Uint32Array;
  private readonly sqHeadWord: number;
  private readonly sqTailWord: number;
  private readonly sqFlagsWord: number;
  private readonly sqMask: number;
  private readonly sqSize: number;
  private readonly cqHeadWord: number;
  private readonly cqTailWord: number;
  private readonly cqMask: number;
  private readonly polls: boolean;
  private sqTail = 0;
  private submitted = 0;
  private cqHead = 0;
  private cqTail = 0;
  /** The ring in calls of enter(2): its descriptor, or its place among registered rings. */
  private enterFd: number;
  private enterFlags = 0;
  private readonly wait = new Uint32Array(GETEVENTS_ARG_SIZE / 4);
  private readonly timespec = new Float64Array(2);
  private readonly timespecWords = new Uint32Array(this.timespec.buffer);
  private readonly waitAddress = addressOf(this.wait);

  /** @throws SetupError if the kernel refuses */
  constructor(
    { entries, completions, flags, pollIdleMs }: QueueOptions,
    private readonly held: Held,
  ) {
    const params = new Uint32Array(PARAMS_SIZE / 4);
    params[ParamsWord.Flags] = flags | SetupFlag.CqSize;
    params[ParamsWord.CqEntries] = completions;
    params[ParamsWord.SqThreadIdle] = pollIdleMs;
    const result = systemCall(Syscall.Setup, entries, addressOf(params), 0, 0, 0, 0);
    if (result < 0) throw new SetupError(-result);
    held.ringMade(result);
    this.descriptor = result;
    this.enterFd = result;
    this.polls = (flags & SetupFlag.SqPoll) !== 0;
    const word = (index: number) => params[index] as number;
    this.features = word(ParamsWord.Features);
    const sq = (field: SqOffset) => word(ParamsWord.SqOffsets + field);
    const cq = (field: CqOffset) => word(ParamsWord.CqOffsets + field);
    this.sqSize = word(ParamsWord.SqEntries);
    const cqSize = word(ParamsWord.CqEntries);
    const hasArray = (flags & SetupFlag.NoSqArray) === 0;
    const sqBytes = hasArray ? sq(SqOffset.Array) + this.sqSize * 4 : 0;
    const ringBytes = Math.max(sqBytes, cq(CqOffset.Cqes) + cqSize * CQE_SIZE);
    this.ring = mapRing(result, ringBytes, MMAP_RINGS_OFFSET);
    this.entries = mapRing(result, this.sqSize * SQE_SIZE, MMAP_SQES_OFFSET);
    held.ringOpened({
      ring: { address: this.ring.address, bytes: ringBytes },
      entries: { address: this.entries.address, bytes: this.sqSize * SQE_SIZE },
      sqHead: sq(SqOffset.Head),
      cqHead: cq(CqOffset.Head),
      cqTail: cq(CqOffset.Tail),
      cqes: cq(CqOffset.Cqes),
      cqMask: cqSize - 1,
    });
    this.words = new Uint32Array(this.ring.buffer, 0, ringBytes >>> 2);
    this.sqes = new Uint32Array(this.entries.buffer);
    this.cqes = new Uint32Array(this.ring.buffer, cq(CqOffset.Cqes), cqSize * CQE_WORDS);
    this.cqeResults = new Int32Array(this.ring.buffer, cq(CqOffset.Cqes), cqSize * CQE_WORDS);
    this.sqHeadWord = sq(SqOffset.Head) >>> 2;
    this.sqTailWord = sq(SqOffset.Tail) >>> 2;
    this.sqFlagsWord = sq(SqOffset.Flags) >>> 2;
    this.cqHeadWord = cq(CqOffset.Head) >>> 2;
    this.cqTailWord = cq(CqOffset.Tail) >>> 2;
    this.sqMask = this.sqSize - 1;
    this.cqMask = cqSize - 1;
    if (hasArray) {
      // Entries are used in order, so the array of indices never changes.
      const array = sq(SqOffset.Array) >>> 2;
      for (let i = 0; i < this.sqSize; i++) this.words[array + i] = i;
    }
    const timespecAddress = addressOf(this.timespec);
    this.wait[GeteventsWord.TimespecLow] = timespecAddress >>> 0;
    this.wait[GeteventsWord.TimespecHigh] = Math.floor(timespecAddress / 2 ** 32);
  }

  get isOverflown(): boolean {
    return (Atomics.load(this.words, this.sqFlagsWord) & SqRingFlag.CqOverflow) !== 0;
  }

  get hasCompletions(): boolean {
    return this.cqHead !== Atomics.load(this.words, this.cqTailWord);
  }

  get hasNews(): boolean {
    const flags = Atomics.load(this.words, this.sqFlagsWord);
    return (flags & SqRingFlag.Taskrun) !== 0 || this.hasCompletions;
  }

  get nextEntry(): number {
    return this.sqTail;
  }

  get unsubmitted(): number {
    return (this.sqTail - this.submitted) >>> 0;
  }

  entry(): number {
    for (let tries = 0; this.full; tries++) this.makeRoom(tries);
    const at = (this.sqTail & this.sqMask) * SQE_WORDS;
    this.sqTail = (this.sqTail + 1) >>> 0;
    // A loop, because fill() would be a call for each entry.
    const { sqes } = this;
    for (let word = at; word < at + SQE_WORDS; word++) sqes[word] = 0;
    return at;
  }

  enter(wait: number, minWaitMicros: number, timeoutMicros: number): number {
    Atomics.store(this.words, this.cqHeadWord, this.cqHead);
    let flags = this.enterFlags | EnterFlag.GetEvents;
    let submit = this.publish();
    this.held.enters(this.sqTail);
    const shown = submit;
    if (this.polls) {
      if ((Atomics.load(this.words, this.sqFlagsWord) & SqRingFlag.NeedWakeup) !== 0) {
        flags |= EnterFlag.SqWakeup;
      } else if (wait === 0) {
        submit = 0;
      }
    }
    let argument = 0;
    let size = 0;
    if (wait > 0 && (minWaitMicros > 0 || timeoutMicros !== Infinity)) {
      flags |= EnterFlag.ExtArg;
      const isKnown = minWaitMicros === 0 || (this.features & Feature.MinTimeout) !== 0;
      this.wait[GeteventsWord.MinWaitMicros] = isKnown ? minWaitMicros : 0;
      // If the kernel knows no lower bound, the wait ends at that time, whatever has come.
      this.setTimeout(isKnown ? timeoutMicros : Math.min(minWaitMicros, timeoutMicros));
      argument = this.waitAddress;
      size = GETEVENTS_ARG_SIZE;
    }
    const result = systemCall(Syscall.Enter, this.enterFd, submit, wait, flags, argument, size);
    this.count(result, shown);
    if (this.isOverflown) this.overflows++;
    return Math.min(result, 0);
  }

  yield(): void {
    yieldProcessor();
  }

  completion(): number {
    if (this.cqHead === this.cqTail) {
      this.cqTail = Atomics.load(this.words, this.cqTailWord);
      if (this.cqHead === this.cqTail) return -1;
    }
    const at = (this.cqHead & this.cqMask) * CQE_WORDS;
    this.cqHead = (this.cqHead + 1) >>> 0;
    return at;
  }

  /**
   * Registers the ring's own descriptor with the thread, which makes each enter(2) a little
   * cheaper.
   *
   * @returns whether the kernel supports it (since 5.18)
   */
  registerRing(): boolean {
    // struct io_uring_rsrc_update: offset (−1: any place), resv, data (the descriptor).
    const update = new Uint32Array([0xffffffff, 0, this.descriptor, 0]);
    const result = register(this.descriptor, Register.RingFds, addressOf(update), 1);
    if (result !== 1) return false;
    this.enterFd = update[0] as number;
    this.enterFlags |= EnterFlag.RegisteredRing;
    return true;
  }

  registerBuffers(group: number, address: number, entries: number, flags: number): number {
    return registerBufferRing(this.descriptor, group, address, entries, flags);
  }

  unregisterBuffers(group: number): number {
    return unregisterBufferRing(this.descriptor, group);
  }

  registerFiles(count: number): number {
    // struct io_uring_rsrc_register: nr, flags, resv2, data, tags.
    const argument = new Uint32Array(8);
    argument[0] = count;
    argument[1] = RSRC_REGISTER_SPARSE;
    return register(this.descriptor, Register.Files2, addressOf(argument), 32);
  }

  /**
   * Lets waits poll the network device's queues for this long.
   *
   * @param prefer polling to interrupts
   * @returns 0 or a negated errno
   */
  registerNapi(micros: number, prefer: boolean): number {
    return registerNapi(this.descriptor, micros, prefer);
  }

  close(): void {
    const { descriptor, held } = this;
    cleanUpOrThrow([
      () => this.unregisterRing(),
      () => {
        held.ringGone();
        closeNow(descriptor);
      },
      () => {
        held.ringClosed();
        unmap(this.entries);
        unmap(this.ring);
      },
    ]);
  }

  private unregisterRing(): void {
    if ((this.enterFlags & EnterFlag.RegisteredRing) === 0) return;
    const update = new Uint32Array([this.enterFd, 0, 0, 0]);
    register(this.descriptor, Register.UnregisterRingFds, addressOf(update), 1);
  }

  /** Whether no submission entry is free. */
  private get full(): boolean {
    const head = this.polls ? Atomics.load(this.words, this.sqHeadWord) : this.submitted;
    return (this.sqTail - head) >>> 0 >= this.sqSize;
  }

  /**
   * Submits without waiting, so that entries become free.
   *
   * @throws Error if the kernel keeps refusing, for lack of memory
   */
  private makeRoom(tries: number): void {
    if (tries > 0) pause();
    if (tries > TRIES_MAX) throw new Error("io_uring: the kernel takes no submissions");
    const submit = this.publish();
    const flags = this.enterFlags | (this.polls ? EnterFlag.SqWait | EnterFlag.SqWakeup : 0);
    const result = systemCall(Syscall.Enter, this.enterFd, submit, 0, flags, 0, 0);
    this.count(result, submit);
  }

  /**
   * Counts the entries that the kernel has taken; its polling thread takes all that are published.
   */
  private count(result: number, shown: number): void {
    if (this.polls) this.submissions += shown;
    else if (result > 0) {
      this.submissions += result;
      this.submitted = (this.submitted + result) >>> 0;
    }
  }

  /** Publishes the prepared entries. @returns how many there are */
  private publish(): number {
    const count = this.unsubmitted;
    if (count > 0) Atomics.store(this.words, this.sqTailWord, this.sqTail);
    if (this.polls) this.submitted = this.sqTail;
    return count;
  }

  private setTimeout(micros: number): void {
    // A week stands for forever; the seconds fit 32 bits, so they can be written as words.
    const bounded = Math.min(micros, 604_800_000_000);
    const seconds = Math.floor(bounded / 1e6);
    this.timespecWords[0] = seconds;
    this.timespecWords[1] = 0;
    this.timespecWords[2] = Math.round((bounded - seconds * 1e6) * 1e3);
    this.timespecWords[3] = 0;
  }
}
