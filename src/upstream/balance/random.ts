import type { Balancer, Candidates } from "./candidates.ts";
import { Snapshot } from "./snapshot.ts";

/** Anyone, by weight. */
export class RandomChoice implements Balancer {
  private readonly snapshot = new Snapshot();

  /** @param random 0 ≤ x < 1 */
  constructor(private readonly random: () => number) {}

  choose(candidates: Candidates): number {
    const total = this.snapshot.read(candidates);
    return this.snapshot.at(Math.floor(this.random() * total));
  }
}
