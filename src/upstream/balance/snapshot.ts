import type { Candidates } from "./candidates.ts";
import type { OpenUpstreams } from "./open-upstreams.ts";

/**
 * The numbers of all open upstreams as they were when a choice began, for choices that look at every
 * one: exact ones among few, and those that found nobody free where they looked first.
 *
 * They look more than once, and other threads change the numbers meanwhile: a sum and a second look
 * that disagree would choose a full upstream or none at all. It also saves calls. Belongs to a
 * balancer, which reuses it; memory is taken only when the number of upstreams grows.
 */
export class Snapshot {
  /** How many are open; everything else is by their places. */
  count = 0;
  /** Effective weights; 0 for those that are not free, so this alone says who may be chosen. */
  weights: Int32Array = new Int32Array(0);
  /** Sum of `weights`; 0: nobody may be chosen. */
  totalWeight = 0;
  /** Relays that run where the weight is above 0; anything elsewhere. Only after {@link readLoads}. */
  running: Float64Array = new Float64Array(0);
  /** Sum of `running` where the weight is above 0. Only after {@link readLoads}. */
  totalRunning = 0;

  /** Reads who is free, of those that are open. @returns the sum of their weights */
  read(candidates: Candidates, open: OpenUpstreams): number {
    const { count, indices } = open;
    if (count > this.weights.length) this.grow(count);
    const weights = this.weights;
    let total = 0;
    for (let place = 0; place < count; place++) {
      const isFree = candidates.isFree(indices[place] as number);
      const weight = isFree ? (open.weights[place] as number) : 0;
      weights[place] = weight;
      total += weight;
    }
    this.count = count;
    this.totalWeight = total;
    return total;
  }

  /** Reads how many relays run at those who may be chosen. Follows {@link read}. */
  readLoads(candidates: Candidates, { indices }: OpenUpstreams): void {
    const { count, weights, running } = this;
    let total = 0;
    for (let place = 0; place < count; place++) {
      if (weights[place] === 0) continue;
      const relays = candidates.running(indices[place] as number);
      running[place] = relays;
      total += relays;
    }
    this.totalRunning = total;
  }

  /** The place of a point on the line on which each free upstream lies as long as it is heavy. */
  at(point: number): number {
    const { count, weights } = this;
    let rest = point;
    let last = -1;
    for (let place = 0; place < count; place++) {
      const weight = weights[place] as number;
      if (weight === 0) continue;
      if (rest < weight) return place;
      rest -= weight;
      last = place;
    }
    // A point at the very end, where a random number of 1 would lead.
    return last;
  }

  private grow(count: number): void {
    this.weights = new Int32Array(count);
    this.running = new Float64Array(count);
  }
}
