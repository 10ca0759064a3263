import type { Balancer, Candidates } from "./candidates.ts";
import { Snapshot } from "./snapshot.ts";

/**
 * Two upstreams at random, by weight, and of these the one with less (running + 1) / weight.
 *
 * Nearly as even as `least-relays`, and workers or proxies that see the same numbers do not all run
 * to the same upstream.
 */
export class TwoChoices implements Balancer {
  private readonly snapshot = new Snapshot();

  /** @param random 0 ≤ x < 1 */
  constructor(private readonly random: () => number) {}

  choose(candidates: Candidates): number {
    const snapshot = this.snapshot;
    const total = snapshot.read(candidates);
    if (total === 0) return -1;
    const weights = snapshot.weights;
    const one = snapshot.at(Math.floor(this.random() * total));
    const oneWeight = weights[one] ?? 0;
    if (oneWeight === total) return one;
    // Without the first one there is a second, different one.
    weights[one] = 0;
    const other = snapshot.at(Math.floor(this.random() * (total - oneWeight)));
    const otherWeight = weights[other] ?? 0;
    const oneLoad = (candidates.running(one) + 1) * otherWeight;
    const otherLoad = (candidates.running(other) + 1) * oneWeight;
    return otherLoad < oneLoad ? other : one;
  }
}
