import { assert } from "../assert.ts";

/** Where each figure stands in an upstream's slot. */
enum Word {
  /** 1 if health and administration allow new relays. */
  Open,
  /** Its effective weight, and its weight without slow start; see {@link WEIGHT_UNIT}. */
  Weight,
  FullWeight,
  /** Relays that run or dial there, in all workers. */
  Running,
  /** 1 if a dial was answered since this was last read. */
  Answered,
  /** Words of a slot. */
  Size = 8,
}

/** A weight of 1 in the table: slow start needs finer steps than whole weights. */
export const WEIGHT_UNIT = 256;

/** Most upstreams of all listeners together. Rows that are not used take no memory. */
export const SLOTS_MAX = 32_768;

/**
 * Words of a cache line. The count of changes has one to itself, because workers read it all the
 * time.
 */
const LINE = 16;

/**
 * What the control plane and all workers need to know about upstreams at any moment: one row of
 * numbers for each upstream of a listener, in shared memory. The control plane writes whether an
 * upstream is open and its weight; workers count their relays. No thread waits for another: each
 * number is read and written by itself.
 *
 * The control plane also counts its changes, so that workers may keep what they derive from open
 * rows and weights until the next change. Each worker's counts are also kept in a column of their
 * own, and are taken back if the worker fails.
 *
 * Owner: the control plane, which assigns the rows; workers have a view.
 */
export class UpstreamTable {
  /** Makes a view in another thread. */
  readonly memory: SharedArrayBuffer;
  /** See {@link WEIGHT_UNIT}. */
  readonly unit = WEIGHT_UNIT;
  private readonly words: Int32Array;
  private readonly own: Int32Array;
  private readonly changeCount: Int32Array;

  /**
   * @param worker the worker whose counts this view keeps, 0…workers − 1
   * @param memory that of another view; new if missing
   * @param begin 0…1: where in a listener's list of upstreams this worker starts, so that the workers
   *   of one engine start at different ones
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
   * How often the control plane has changed an open state or a weight; an int32 that wraps around.
   * Read it before the rows: as long as it stays the same, what was read is current.
   */
  get changes(): number {
    return Atomics.load(this.changeCount, 0);
  }

  /** Opens all rows: used where no control plane assigns them. */
  openAll(): void {
    for (let slot = 0; slot < SLOTS_MAX; slot++) this.reset(slot, 1);
  }

  /** Resets a row: open, with this weight and no relays. */
  reset(slot: number, weight: number): void {
    assert(slot >= 0 && slot < SLOTS_MAX, "reset: there is such a row");
    // Closed first, so that no reader finds it open with half of its figures set.
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

  /** Its effective weight, in {@link WEIGHT_UNIT}s. */
  weight(slot: number): number {
    return this.words[at(slot, Word.Weight)] as number;
  }

  /** The weight that slow start grows to, in {@link WEIGHT_UNIT}s. */
  fullWeight(slot: number): number {
    return this.words[at(slot, Word.FullWeight)] as number;
  }

  /** @param part the effective share of the weight, above 0…1 */
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
   * Counts a relay.
   *
   * @param most limit of relays; 0: none
   * @returns false if the limit is reached
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

  /** Takes back what a failed worker has counted; another one takes its place. */
  forget(worker: number): void {
    const counts = this.countsOf(worker);
    for (let slot = 0; slot < SLOTS_MAX; slot++) {
      const count = Atomics.exchange(counts, slot, 0);
      if (count !== 0) Atomics.sub(this.words, at(slot, Word.Running), count);
    }
  }

  /** A dial was answered. */
  dialed(slot: number): void {
    // Usually it is known already, and a read leaves other cores' caches alone.
    const word = at(slot, Word.Answered);
    if (Atomics.load(this.words, word) === 0) Atomics.store(this.words, word, 1);
  }

  /** Whether a dial was answered since the last call. */
  wasDialed(slot: number): boolean {
    return Atomics.exchange(this.words, at(slot, Word.Answered), 0) === 1;
  }

  /**
   * Counted after the write, and only if the value differs: what workers keep is costly to rebuild.
   */
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
