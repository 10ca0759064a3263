import type { Candidates } from "./candidates.ts";
import type { OpenUpstreams } from "./open-upstreams.ts";

/**
 * The numbers of all open upstreams at the start of a choice, for choices that look at every one:
 * exact ones among few, and those that met only full upstreams so far.
 *
 * Such choices look more than once while other threads change the numbers. If a sum and a second
 * look disagreed, the choice could be a full upstream or none. A snapshot also saves calls. Belongs
 * to a balancer, which reuses it; allocates only when the number of upstreams grows.
 */
export class Snapshot {
  /** How many are open. All else is by place. */
  count = 0;
  /** Effective weights; 0 for those that are not free, so only these can be chosen. */
  weights: Int32Array = new Int32Array(0);
  /** Sum of `weights`; 0: none can be chosen. */
  totalWeight = 0;
  /** Running relays where the weight is above 0; arbitrary elsewhere. Set by {@link readLoads}. */
  running: Float64Array = new Float64Array(0);
  /** Sum of `running` where the weight is above 0. Set by {@link readLoads}. */
  totalRunning = 0;

  /** Reads which of the open ones are free. @returns the sum of their weights */
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

  /** Reads how many relays the free ones run. Call {@link read} first. */
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

  /** The place at a point of the line on which each free upstream is as long as its weight. */
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
    // A point at the very end, which only a random number of 1 gives.
    return last;
  }

  private grow(count: number): void {
    this.weights = new Int32Array(count);
    this.running = new Float64Array(count);
  }
}
