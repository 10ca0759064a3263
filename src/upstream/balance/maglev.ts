import { assert } from "../../assert.ts";
import type { Candidates } from "./candidates.ts";
import { hashText, mix } from "./hash.ts";

/**
 * Slots of a table: the prime of the Maglev paper. 100 equal upstreams get 655 or 656 slots each.
 *
 * The size is the same for any number of upstreams. A smaller table for few upstreams would be
 * built faster, but adding the upstream that needs the larger one would move nearly every client.
 */
const SLOTS = 65_537;

/**
 * Maps a hash to an upstream: Maglev's lookup table (Eisenbud et al., NSDI 2016), with weights.
 *
 * Each upstream has its own order of all slots, made from its name. The upstreams take turns by
 * weight, and each takes the first slot of its order that is still free. So slots are divided
 * almost exactly, and when an upstream goes, the others keep most of theirs.
 *
 * Only names and full weights matter, not the order of the configuration nor which upstreams are
 * open: an upstream that fails and comes back gets its clients back, and all workers agree.
 */
export class MaglevTable {
  private readonly slots = new Uint16Array(SLOTS);
  private names = new Uint32Array(0);
  private weights = new Int32Array(0);
  private totalWeight = 0;

  /** Whether the table fits these candidates. Reads every full weight. */
  isFor(candidates: Candidates): boolean {
    const { weights } = this;
    const count = candidates.count;
    if (count !== weights.length) return false;
    for (let index = 0; index < count; index++) {
      if (candidates.fullWeight(index) !== weights[index]) return false;
    }
    return true;
  }

  /** Rebuilds the table, in milliseconds. */
  build(candidates: Candidates): void {
    const count = candidates.count;
    assert(count < 65_536, "an upstream's index fits a slot");
    this.weights = Int32Array.from({ length: count }, (_, index) => candidates.fullWeight(index));
    this.totalWeight = this.weights.reduce((sum, weight) => sum + weight, 0);
    this.names = hashNames(candidates, count);
    if (this.totalWeight > 0) this.fill();
  }

  /** No upstream has a full weight: there is nothing to look up. */
  get isEmpty(): boolean {
    return this.totalWeight === 0;
  }

  /** @param hash uint32 @returns an index with a full weight above 0, open or not */
  at(hash: number): number {
    // The high bits of the product: a remainder of such large numbers would cost more.
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
    // Over many rounds each takes slots in proportion to its weight, one a round for a mean weight;
    // in the first round even the lightest one takes one.
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

/** Equal names get different hashes; otherwise the second one would get no slots of its own. */
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
