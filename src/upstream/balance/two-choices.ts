import type { Balancer, Candidates } from "./candidates.ts";
import { Draw } from "./draw.ts";

/**
 * Draws two upstreams by weight and takes the one with the smaller running / weight. Of equals,
 * such as two idle ones, the first one drawn wins, so that shares follow the weights.
 *
 * Nearly as even as `least-relays`, and workers or proxies that see the same numbers do not all
 * pick the same upstream.
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
