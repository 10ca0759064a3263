import { assert } from "../../assert.ts";
import type { Candidates } from "./candidates.ts";
import { hashText, mix } from "./hash.ts";

/**
 * Slots of a table: the prime of the Maglev paper. 100 equal upstreams get 655 or 656 slots each.
 *
 * One size for any number of upstreams: a smaller table for few of them would be built sooner, but
 * the upstream with which the larger one begins would move nearly every client.
 */
const SLOTS = 65_537;

/**
 * Which upstream a hash leads to: Maglev's lookup table (Eisenbud et al., NSDI 2016), with weights.
 *
 * Each upstream has its own order of all slots, made from its name. They take turns, by weight, and
 * in its turn each takes the first slot of its order that is still free. So slots are divided almost
 * exactly, and when an upstream goes, the others mostly keep theirs.
 *
 * Only names and full weights count, not the order of the configuration and not who is open: who
 * fails and comes back gets its clients back, and two workers always agree.
 */
export class MaglevTable {
  private readonly slots = new Uint16Array(SLOTS);
  private names = new Uint32Array(0);
  private weights = new Int32Array(0);
  private totalWeight = 0;

  /** Whether the table belongs to these candidates. Looks at every full weight. */
  isFor(candidates: Candidates): boolean {
    const { weights } = this;
    const count = candidates.count;
    if (count !== weights.length) return false;
    for (let index = 0; index < count; index++) {
      if (candidates.fullWeight(index) !== weights[index]) return false;
    }
    return true;
  }

  /** Builds the table anew, in milliseconds. */
  build(candidates: Candidates): void {
    const count = candidates.count;
    assert(count < 65_536, "an upstream's index fits a slot");
    this.weights = Int32Array.from({ length: count }, (_, index) => candidates.fullWeight(index));
    this.totalWeight = this.weights.reduce((sum, weight) => sum + weight, 0);
    this.names = hashNames(candidates, count);
    if (this.totalWeight > 0) this.fill();
  }

  /** Nobody has a full weight: there is nothing to look up. */
  get isEmpty(): boolean {
    return this.totalWeight === 0;
  }

  /** @param hash uint32 @returns an index with a full weight above 0, open or not */
  at(hash: number): number {
    // The high bits of the product, as a remainder of such large numbers would cost more.
    return this.slots[Math.floor((hash * SLOTS) / 2 ** 32)] ?? 0;
  }

  /** The weight that the table was built with. */
  weightOf(index: number): number {
    return this.weights[index] ?? 0;
  }

  /** The hash of the name, uint32, different for each index. */
  nameOf(index: number): number {
    return this.names[index] ?? 0;
  }

  private fill(): void {
    const { slots, names, weights } = this;
    const order = [...weights.keys()]
      .filter((index) => weights[index] !== 0)
      .sort((one, other) => (names[one] ?? 0) - (names[other] ?? 0));
    const places = order.map((index) => mix((names[index] ?? 0) ^ 0x2545_f491) % SLOTS);
    const steps = order.map((index) => (mix((names[index] ?? 0) ^ 0x9e37_79b9) % (SLOTS - 1)) + 1);
    const taken = order.map(() => 0);
    const isTaken = new Uint8Array(SLOTS);
    let free = SLOTS;
    // In a round everyone takes as many slots as their weight is above the mean one's, in the long
    // run; the first round gives one to the lightest too.
    for (let round = 1; free > 0; round++) {
      const slotsPerWeight = (round * order.length) / this.totalWeight;
      for (let turn = 0; turn < order.length && free > 0; turn++) {
        const index = order[turn] ?? 0;
        const due = (weights[index] ?? 0) * slotsPerWeight;
        let place = places[turn] ?? 0;
        const step = steps[turn] ?? 1;
        let have = taken[turn] ?? 0;
        for (; have < due && free > 0; have++) {
          while (isTaken[place] === 1) place = (place + step) % SLOTS;
          isTaken[place] = 1;
          slots[place] = index;
          free--;
        }
        places[turn] = place;
        taken[turn] = have;
      }
    }
  }
}

/** A name that occurs twice gets two hashes, or the second one would get no slots of its own. */
function hashNames(candidates: Candidates, count: number): Uint32Array<ArrayBuffer> {
  const names = new Uint32Array(count);
  const seen = new Set<number>();
  for (let index = 0; index < count; index++) {
    let hash = hashText(candidates.name(index));
    while (seen.has(hash)) hash = mix(hash + 1);
    seen.add(hash);
    names[index] = hash;
  }
  return names;
}
