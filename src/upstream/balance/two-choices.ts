import type { Balancer, Candidates } from "./candidates.ts";
import { Draw } from "./draw.ts";

/**
 * Two upstreams at random, by weight, and of these the one with less running / weight. Of
 * equals, such as two idle ones, it is the one that was drawn first, so that they get their shares.
 *
 * Nearly as even as `least-relays`, and workers or proxies that see the same numbers do not all run
 * to the same upstream.
 */
export class TwoChoices implements Balancer {
  private readonly draw: Draw;

  /** @param random 0 ≤ x < 1 */
  constructor(random: () => number) {
    this.draw = new Draw(random);
  }

  choose(candidates: Candidates): number {
    const { draw } = this;
    const { open } = draw;
    open.follow(candidates);
    const onePlace = draw.one(candidates);
    if (onePlace === -1) return -1;
    const one = open.indices[onePlace] as number;
    const otherPlace = draw.other(candidates, onePlace);
    if (otherPlace === -1) return one;
    const other = open.indices[otherPlace] as number;
    const oneLoad = candidates.running(one) * (open.weights[otherPlace] as number);
    const otherLoad = candidates.running(other) * (open.weights[onePlace] as number);
    return otherLoad < oneLoad ? other : one;
  }
}
