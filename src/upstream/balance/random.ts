import type { Balancer, Candidates } from "./candidates.ts";
import { Draw } from "./draw.ts";

/** Chooses at random, by weight. */
export class RandomChoice implements Balancer {
  private readonly draw: Draw;

  /** @param random 0 ≤ x < 1 */
  constructor(random: () => number) {
    this.draw = new Draw(random);
  }

  choose(candidates: Candidates): number {
    const { draw } = this;
    draw.open.follow(candidates);
    const place = draw.one(candidates);
    return place === -1 ? -1 : (draw.open.indices[place] as number);
  }
}
