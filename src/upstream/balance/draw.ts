import type { Candidates } from "./candidates.ts";
import { OpenUpstreams } from "./open-upstreams.ts";
import { Snapshot } from "./snapshot.ts";

/**
 * How many draws to make before asking every upstream whether it is free. If half of all are full,
 * one choice in 65,536 gets that far.
 */
const ATTEMPTS = 16;

/**
 * Draws upstreams by weight, among those that are open and free. If the drawn one is not free, it
 * draws again, which leaves the shares of the others as they are.
 *
 * Owner: a balancer, which calls {@link OpenUpstreams.follow} before it draws.
 */
export class Draw {
  readonly open = new OpenUpstreams();
  private readonly snapshot = new Snapshot();

  /** @param random 0 ≤ x < 1 */
  constructor(private readonly random: () => number) {}

  /** @returns the place of a free one; −1 if there is none */
  one(candidates: Candidates): number {
    const { open } = this;
    if (open.count === 0) return -1;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const place = open.draw(this.random());
      if (candidates.isFree(open.indices[place] as number)) return place;
    }
    const total = this.snapshot.read(candidates, open);
    return this.snapshot.at(Math.floor(this.random() * total));
  }

  /** @returns the place of a free one other than `place`; −1 if there is none */
  other(candidates: Candidates, place: number): number {
    const { open, snapshot } = this;
    if (open.count < 2) return -1;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const other = open.drawOther(this.random(), place);
      if (candidates.isFree(open.indices[other] as number)) return other;
    }
    const total = snapshot.read(candidates, open) - (snapshot.weights[place] as number);
    snapshot.weights[place] = 0;
    return snapshot.at(Math.floor(this.random() * total));
  }
}
