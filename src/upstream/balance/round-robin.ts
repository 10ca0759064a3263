import type { Balancer, Candidates } from "./candidates.ts";
import { OpenUpstreams } from "./open-upstreams.ts";
import { SmoothTurns } from "./smooth-turns.ts";
import { Snapshot } from "./snapshot.ts";

/** How many turns may be lost in a row before asking every upstream whether it is free. */
const TURNS_LOST = 32;

/**
 * Takes turns by weight, interleaved: a a b a c a a for 5, 1 and 1; see {@link SmoothTurns}.
 *
 * An upstream that is full loses its turn, and the others continue in their order. One that was
 * tried for a relay sits out instead. Otherwise, with two upstreams of which one fails, every relay
 * would start at the failing one, because retries would take the other one's turns.
 *
 * Workers that choose for the same listener start at different places, or the first upstream would
 * get the first relay of each.
 */
export class RoundRobin implements Balancer {
  private readonly open = new OpenUpstreams();
  private readonly turns = new SmoothTurns();
  private readonly snapshot = new Snapshot();

  /** @param begin how far around to start, 0 ≤ x < 1 */
  constructor(private begin = 0) {}

  succeed(before: Balancer, numbers: Int32Array): void {
    if (!(before instanceof RoundRobin)) return;
    this.turns.succeed(before.turns, numbers);
    this.begin = before.begin;
  }

  choose(candidates: Candidates): number {
    const { open, turns, snapshot } = this;
    if (open.follow(candidates)) turns.arrange(open);
    if (open.count === 0) return -1;
    if (this.begin > 0) this.setOut();
    const attempts = candidates.isRetry ? 0 : TURNS_LOST;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const index = turns.next();
      if (candidates.isFree(index)) return index;
    }
    snapshot.read(candidates, open);
    return turns.nextOf(snapshot, open);
  }

  /** Moves to the starting place, which is known only once an upstream is open. */
  private setOut(): void {
    for (let left = Math.floor(this.begin * this.open.count); left > 0; left--) this.turns.next();
    this.begin = 0;
  }
}
