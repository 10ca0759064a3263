import type { Candidates } from "./candidates.ts";

/**
 * The candidates' numbers as they were when a choice began.
 *
 * A choice looks at them more than once, and other threads change them meanwhile: a sum and a second
 * look that disagree would choose a closed upstream or none at all. It also saves calls. Belongs to a
 * balancer, which reuses it; memory is taken only when the number of upstreams grows.
 */
export class Snapshot {
  count = 0;
  /** Effective weights; 0 for those that are not open, so this alone says who may be chosen. */
  weights: Int32Array = new Int32Array(0);
  /** Sum of `weights`; 0: nobody may be chosen. */
  totalWeight = 0;
  /** Relays that run where the weight is above 0; anything elsewhere. Only after {@link readLoads}. */
  running: Float64Array = new Float64Array(0);
  /** Sum of `running` where the weight is above 0. Only after {@link readLoads}. */
  totalRunning = 0;

  /** Reads who may be chosen, with what weight. @returns the sum of the weights */
  read(candidates: Candidates): number {
    const count = candidates.count;
    if (count > this.weights.length) this.grow(count);
    const weights = this.weights;
    let total = 0;
    for (let index = 0; index < count; index++) {
      const weight = candidates.isOpen(index) ? candidates.weight(index) : 0;
      weights[index] = weight;
      total += weight;
    }
    this.count = count;
    this.totalWeight = total;
    return total;
  }

  /** Reads how many relays run at those who may be chosen. Follows {@link read}. */
  readLoads(candidates: Candidates): void {
    const { count, weights, running } = this;
    let total = 0;
    for (let index = 0; index < count; index++) {
      if (weights[index] === 0) continue;
      const relays = candidates.running(index);
      running[index] = relays;
      total += relays;
    }
    this.totalRunning = total;
  }

  /** The index at a place on the line on which each upstream lies as long as it is heavy. */
  at(place: number): number {
    const { count, weights } = this;
    let rest = place;
    let last = -1;
    for (let index = 0; index < count; index++) {
      const weight = weights[index] ?? 0;
      if (weight === 0) continue;
      if (rest < weight) return index;
      rest -= weight;
      last = index;
    }
    // A place at the very end, where a random number of 1 would lead.
    return last;
  }

  private grow(count: number): void {
    this.weights = new Int32Array(count);
    this.running = new Float64Array(count);
  }
}
