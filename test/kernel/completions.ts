import { CQE_SIZE, CqeFlag, CqeWord } from "../../src/engine/uring/abi.ts";
import type { Clock } from "./clock.ts";
import type { Fate } from "./faults.ts";
import type { InFlight } from "./operation.ts";

const WORDS = CQE_SIZE / 4;
/** Milliseconds that a delayed completion takes. */
const DELAY_MS = 3;

/** A completion that was made and not shown yet. */
interface Posted {
  readonly operation: InFlight;
  readonly result: number;
  readonly flags: number;
  readonly due: number;
  readonly isLast: boolean;
  /** Nothing else of this connection overtakes it: it has told of the error, others tell the rest. */
  readonly isBarrier: boolean;
  /** It was there when its operation was submitted. */
  readonly isPrompt: boolean;
}

/**
 * The completion queue, and what waits before it: completions that are delayed, and those for which
 * there is no room. Those of one operation keep their order; others may overtake them.
 */
export class Completions {
  readonly words: Uint32Array;
  readonly results: Int32Array;
  overflows = 0;
  /** All that were shown so far. */
  shown = 0;
  private readonly posted: Posted[] = [];
  private readonly shownNow: Posted[] = [];
  private head = 0;
  private tail = 0;

  private lastDue = 0;

  /**
   * @param size most completions that fit, a power of two
   * @param keepsOrder those of different operations keep their order too
   */
  constructor(
    private readonly size: number,
    private readonly keepsOrder: boolean,
    private readonly clock: Clock,
    private readonly fate: Fate,
  ) {
    this.words = new Uint32Array(size * WORDS);
    this.results = new Int32Array(this.words.buffer);
  }

  /** Completions that may be taken now. */
  get ready(): number {
    return this.tail - this.head;
  }

  /** There is no room for another one, so that a multishot operation ends. */
  get isFull(): boolean {
    return this.ready >= this.size;
  }

  /** A buffer of that group was taken, and the loop has not heard of it yet. */
  tellsOfBuffer(group: number): boolean {
    const tells = ({ operation, flags }: Posted) =>
      (flags & CqeFlag.Buffer) !== 0 && operation.entry.group === group;
    return this.posted.some(tells) || this.shownNow.some(tells);
  }

  /** When the next delayed one is due, if that is later than now. */
  get nextAt(): number {
    let next = Infinity;
    for (const { due } of this.posted) if (due > this.clock.now) next = Math.min(next, due);
    return next;
  }

  /** Some that are due are not shown, as there was no room. */
  get isOverflown(): boolean {
    return this.posted.some((one) => one.due <= this.clock.now && !this.isHeldBack(one));
  }

  /** An operation has failed while it was submitted: nothing delays that, and nothing comes before. */
  postAtOnce(operation: InFlight, result: number): void {
    operation.isOver = true;
    const due = this.clock.now;
    const common = { operation, result, due, flags: 0, isLast: true };
    this.posted.push({ ...common, isBarrier: false, isPrompt: true });
  }

  /** An operation has something to tell. */
  post(
    operation: InFlight,
    result: number,
    flags: number,
    isLast: boolean,
    isBarrier = false,
  ): void {
    const delay = this.fate.strikes("delay") ? this.fate.random() * DELAY_MS : 0;
    const due = Math.max(
      this.clock.now + delay,
      this.keepsOrder ? this.lastDue : operation.lastDue,
    );
    operation.lastDue = this.lastDue = due;
    if (isLast) operation.isOver = true;
    this.posted.push({ operation, result, flags, due, isLast, isBarrier, isPrompt: false });
  }

  /** Shows what is due, in any order, as far as there is room. */
  show(): void {
    for (;;) {
      const due = this.posted.filter((one) => one.due <= this.clock.now && !this.isHeldBack(one));
      if (due.length === 0) return;
      if (this.isFull) {
        this.overflows++;
        return;
      }
      const any = this.keepsOrder ? (due[0] as Posted) : this.fate.pick(due);
      const first = due.find((one) => one.operation === any.operation) as Posted;
      this.posted.splice(this.posted.indexOf(first), 1);
      this.put(first);
    }
  }

  /** Takes the next one. @returns it and the index of its first word, or null */
  take(): { at: number; operation: InFlight; isLast: boolean } | null {
    const one = this.shownNow.shift();
    if (one === undefined) return null;
    const at = (this.head++ & (this.size - 1)) * WORDS;
    return { at, operation: one.operation, isLast: one.isLast };
  }

  private isHeldBack(one: Posted): boolean {
    if (one.isPrompt) return false;
    for (const before of this.posted) {
      if (before === one) return false;
      if (before.isBarrier && before.operation.file === one.operation.file) return true;
    }
    return false;
  }

  private put(one: Posted): void {
    const at = (this.tail++ & (this.size - 1)) * WORDS;
    this.words[at + CqeWord.UserDataLow] = one.operation.entry.low;
    this.words[at + CqeWord.UserDataHigh] = one.operation.entry.high;
    this.results[at + CqeWord.Result] = one.result;
    this.words[at + CqeWord.Flags] = one.flags;
    this.shownNow.push(one);
    this.shown++;
  }
}
