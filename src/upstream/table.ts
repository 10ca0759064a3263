import { assert } from "../assert.ts";

/** Where in an upstream's slot each figure stands. */
enum Word {
  /** 1 when it may be given new relays, as far as health and administration say. */
  Open,
  /** Its effective weight, and that without slow start; see {@link WEIGHT_UNIT}. */
  Weight,
  FullWeight,
  /** Relays that it has or that dial it, of all workers. */
  Running,
  /** 1 when a dial was answered since that was asked. */
  Answered,
  /** How many slots' words are one. */
  Size = 8,
}

/** A weight of 1, in the table: slow start scales weights in finer steps than whole ones. */
export const WEIGHT_UNIT = 256;

/** Upstreams of all listeners together, at most. Memory of rows that nobody has used is not taken. */
export const SLOTS_MAX = 32_768;

/** The words of a cache line, in which the count of changes stands alone: workers read it always. */
const LINE = 16;

/**
 * What the control plane and all workers have to know of upstreams at any moment: one row of numbers
 * per upstream of a listener, in memory that they share. The control plane writes whether an upstream
 * may be used and its weight; workers count their relays. Nobody waits for anybody: each number is
 * read and written by itself.
 *
 * The control plane also counts its changes, so that workers may keep what they have made of open rows
 * and weights until there is another one.
 *
 * What a worker has counted is also kept apart from the others', to be taken back should it fail.
 *
 * Owner: the control plane, which gives out the rows; workers have a view.
 */
export class UpstreamTable {
  /** What a view in another thread is made of. */
  readonly memory: SharedArrayBuffer;
  /** See {@link WEIGHT_UNIT}. */
  readonly unit = WEIGHT_UNIT;
  private readonly words: Int32Array;
  private readonly own: Int32Array;
  private readonly changeCount: Int32Array;

  /**
   * @param worker whose counts this view keeps, 0…workers − 1
   * @param memory that of another view; new unless given
   * @param begin 0…1: where in a listener's list of upstreams this worker begins, so that the workers
   *   of one engine begin at different ones
   */
  constructor(
    readonly workers: number,
    readonly worker = 0,
    memory = new SharedArrayBuffer(4 * (SLOTS_MAX * (Word.Size + workers) + LINE)),
    readonly begin = worker / workers,
  ) {
    this.memory = memory;
    this.words = new Int32Array(memory, 0, SLOTS_MAX * Word.Size);
    this.own = this.countsOf(worker);
    this.changeCount = new Int32Array(memory, 4 * SLOTS_MAX * (Word.Size + workers), LINE);
  }

  /**
   * How often the control plane has changed who is open or what somebody weighs; an int32 that begins
   * anew when it is full. Who reads it first and the rows afterwards has read them as they were then,
   * or later: as long as it is the same, they are.
   */
  get changes(): number {
    return Atomics.load(this.changeCount, 0);
  }

  /** Begins all rows anew: where nobody gives them out, everything may be used. */
  openAll(): void {
    for (let slot = 0; slot < SLOTS_MAX; slot++) this.reset(slot, 1);
  }

  /** Begins a row anew: open, with this weight, nobody there. */
  reset(slot: number, weight: number): void {
    assert(slot >= 0 && slot < SLOTS_MAX, "reset: there is such a row");
    // Closed first: whoever looks meanwhile must not find it open with half of its figures.
    this.setOpen(slot, false);
    for (const word of [Word.Running, Word.Answered]) Atomics.store(this.words, at(slot, word), 0);
    this.setWeight(slot, weight);
    this.setOpen(slot, true);
  }

  isOpen(slot: number): boolean {
    return this.words[at(slot, Word.Open)] === 1;
  }

  setOpen(slot: number, isOpen: boolean): void {
    this.change(at(slot, Word.Open), isOpen ? 1 : 0);
  }

  /** What it gets now, in {@link WEIGHT_UNIT}s. */
  weight(slot: number): number {
    return this.words[at(slot, Word.Weight)] as number;
  }

  /** What it grows to while it starts slowly, in {@link WEIGHT_UNIT}s. */
  fullWeight(slot: number): number {
    return this.words[at(slot, Word.FullWeight)] as number;
  }

  /** @param part how much of the weight it gets now, above 0…1 */
  setWeight(slot: number, weight: number, part = 1): void {
    const full = Math.round(weight * WEIGHT_UNIT);
    this.change(at(slot, Word.FullWeight), full);
    const now = full === 0 ? 0 : Math.max(1, Math.round(full * part));
    this.change(at(slot, Word.Weight), now);
  }

  running(slot: number): number {
    return this.words[at(slot, Word.Running)] as number;
  }

  /**
   * A relay goes there.
   *
   * @param most relays that may be there; 0 for any number
   * @returns false when so many are there already
   */
  enter(slot: number, most: number): boolean {
    const before = Atomics.add(this.words, at(slot, Word.Running), 1);
    if (most > 0 && before >= most) {
      Atomics.sub(this.words, at(slot, Word.Running), 1);
      return false;
    }
    Atomics.add(this.own, slot, 1);
    return true;
  }

  /** A relay has left. */
  leave(slot: number): void {
    Atomics.sub(this.words, at(slot, Word.Running), 1);
    Atomics.sub(this.own, slot, 1);
  }

  /** Takes back what a worker has counted: it has failed, and another one takes its place. */
  forget(worker: number): void {
    const counts = this.countsOf(worker);
    for (let slot = 0; slot < SLOTS_MAX; slot++) {
      const count = Atomics.exchange(counts, slot, 0);
      if (count !== 0) Atomics.sub(this.words, at(slot, Word.Running), count);
    }
  }

  /** A dial was answered. */
  dialed(slot: number): void {
    // Most of the time it is known, and a read leaves others' caches alone.
    const word = at(slot, Word.Answered);
    if (Atomics.load(this.words, word) === 0) Atomics.store(this.words, word, 1);
  }

  /** Whether a dial was answered since this was asked. */
  wasDialed(slot: number): boolean {
    return Atomics.exchange(this.words, at(slot, Word.Answered), 0) === 1;
  }

  /** Counted after it is written, and only if it is another value: what workers keep is dear. */
  private change(word: number, value: number): void {
    if (Atomics.exchange(this.words, word, value) !== value) Atomics.add(this.changeCount, 0, 1);
  }

  private countsOf(worker: number): Int32Array {
    assert(worker >= 0 && worker < this.workers, "a worker of this table");
    const start = SLOTS_MAX * (Word.Size + worker);
    return new Int32Array(this.memory, 4 * start, SLOTS_MAX);
  }
}

function at(slot: number, word: number): number {
  return slot * Word.Size + word;
}
