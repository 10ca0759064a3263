import type { OpenUpstreams } from "./open-upstreams.ts";
import { SmoothOrder } from "./smooth.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * After this many turns the gains of classes are added to their members' credits. The heaviest
 * class has then gained 2 ** 40, which leaves 13 bits for fractions of a credit.
 */
const TURNS_MAX = 2 ** 24;

/**
 * The turns of {@link SmoothOrder} without a look at every upstream: upstreams of the same weight
 * gain the same in each turn, so their order stays, except for the one that is taken and pays.
 *
 * So each weight has a class, whose members are a heap with the highest credit at its top, and a
 * turn compares the tops. A class's gain is not written to each member: a member's full credit is
 * `credits` plus the class's weight times `turns`. A turn takes time for each different weight,
 * plus the logarithm of the class's size.
 */
export class SmoothTurns {
  private readonly order = new SmoothOrder();
  /** Turns taken since credits were settled. */
  private turns = 0;
  private total = 0;
  /** Members' indices: class after class, each a binary heap. */
  private heap: Int32Array = new Int32Array(0);
  /** By class: where its part of `heap` ends, and what its members weigh. */
  private ends: Int32Array = new Int32Array(0);
  private weights: Int32Array = new Int32Array(0);
  private classes = 0;
  private sortable = new Float64Array(0);

  /** @param turnsMax turns after which credits are settled */
  constructor(private readonly turnsMax = TURNS_MAX) {}

  /**
   * Takes over the credits of another; call {@link arrange} next.
   *
   * @param numbers see {@link SmoothOrder.succeed}
   */
  succeed(before: SmoothTurns, numbers: Int32Array): void {
    before.settle();
    this.order.succeed(before.order, numbers);
  }

  /** Sets who takes part: the open upstreams. The others keep their credits. */
  arrange(open: OpenUpstreams): void {
    this.settle();
    this.total = open.totalWeight;
    this.classes = 0;
    if (open.count === 0) return;
    this.order.prepare((open.indices[open.count - 1] as number) + 1, this.total);
    this.classify(open);
    this.pile();
  }

  /** @returns the index whose turn it is, the first of equals; at least one takes part */
  next(): number {
    if (this.turns === this.turnsMax) this.settle();
    const turns = ++this.turns;
    const { heap, ends, weights, classes } = this;
    const { credits } = this.order;
    let best = heap[0] as number;
    let bestClass = 0;
    if (classes > 1) {
      let most = (credits[best] as number) + (weights[0] as number) * turns;
      for (let other = 1; other < classes; other++) {
        const index = heap[ends[other - 1] as number] as number;
        const credit = (credits[index] as number) + (weights[other] as number) * turns;
        if (credit < most || (credit === most && index > best)) continue;
        best = index;
        bestClass = other;
        most = credit;
      }
    }
    credits[best] = (credits[best] as number) - this.total;
    this.sink(bestClass === 0 ? 0 : (ends[bestClass - 1] as number), 0, ends[bestClass] as number);
    return best;
  }

  /**
   * A turn among the free ones; the others neither gain nor pay. Looks at all.
   *
   * @param free a snapshot of the upstreams that were arranged last
   * @returns the index whose turn it is; −1 if none is free
   */
  nextOf({ weights, count, totalWeight }: Snapshot, open: OpenUpstreams): number {
    if (totalWeight === 0) return -1;
    this.settle();
    const index = this.order.next(open.indices, weights, count, totalWeight);
    this.order.prepare(0, this.total);
    this.pile();
    return index;
  }

  /** Adds the gains of classes to their members' credits. The order within a class stays. */
  private settle(): void {
    const { heap, ends, weights, turns } = this;
    const { credits } = this.order;
    let place = 0;
    for (let one = 0; one < this.classes; one++) {
      const gain = (weights[one] as number) * turns;
      for (; place < (ends[one] as number); place++) {
        const index = heap[place] as number;
        credits[index] = (credits[index] as number) + gain;
      }
    }
    this.turns = 0;
  }

  /** Sorts the open ones into classes. */
  private classify({ count, indices, weights }: OpenUpstreams): void {
    if (count > this.heap.length) this.grow(count);
    // Weight and index in one number, because sorting numbers allocates nothing.
    const sortable = this.sortable.subarray(0, count);
    let isSorted = true;
    let last = 0;
    for (let place = 0; place < count; place++) {
      const one = (weights[place] as number) * 65_536 + (indices[place] as number);
      sortable[place] = one;
      isSorted &&= last < one;
      last = one;
    }
    // They are sorted already if all weigh the same.
    if (!isSorted) sortable.sort();
    for (let place = 0; place < count; place++) {
      const one = sortable[place] as number;
      const weight = Math.floor(one / 65_536);
      this.heap[place] = one % 65_536;
      if (place === 0 || weight !== this.weights[this.classes - 1]) {
        this.weights[this.classes++] = weight;
      }
      this.ends[this.classes - 1] = place + 1;
    }
  }

  /** Makes each class's part a heap. */
  private pile(): void {
    let start = 0;
    for (let one = 0; one < this.classes; one++) {
      const end = this.ends[one] as number;
      for (let place = (end - start) >>> 1; place-- > 0; ) this.sink(start, place, end);
      start = end;
    }
  }

  /** Sifts one down in the heap at start…end. @param place counted from start */
  private sink(start: number, place: number, end: number): void {
    const heap = this.heap;
    const { credits } = this.order;
    const index = heap[start + place] as number;
    const credit = credits[index] as number;
    const size = end - start;
    let hole = place;
    for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      let below = heap[start + child] as number;
      let belowCredit = credits[below] as number;
      if (child + 1 < size) {
        const right = heap[start + child + 1] as number;
        const rightCredit = credits[right] as number;
        if (rightCredit > belowCredit || (rightCredit === belowCredit && right < below)) {
          child++;
          below = right;
          belowCredit = rightCredit;
        }
      }
      if (credit > belowCredit || (credit === belowCredit && index < below)) break;
      heap[start + hole] = below;
      hole = child;
    }
    heap[start + hole] = index;
  }

  private grow(count: number): void {
    this.heap = new Int32Array(count);
    this.ends = new Int32Array(count);
    this.weights = new Int32Array(count);
    this.sortable = new Float64Array(count);
  }
}
