import type { Balancer, Candidates } from "./candidates.ts";
import { OpenUpstreams } from "./open-upstreams.ts";
import { SmoothOrder } from "./smooth.ts";
import { Snapshot } from "./snapshot.ts";

/** If more upstreams are open than this, not all are asked how many relays they have. */
const ASKED_MAX = 64;

/**
 * How many are drawn then. If half of all are full, all of these are full once in 65,536 choices.
 */
const DRAWN = 16;

/**
 * Chooses the upstream with the smallest running / weight. So an idle upstream comes before each
 * one that has relays, whatever they weigh.
 *
 * Equals take turns by weight, and all idle ones are equals: if the first or the heaviest one won
 * each tie, it would get every connection of a quiet proxy.
 *
 * If more than {@link ASKED_MAX} are open, the least loaded of {@link DRAWN} drawn by weight is
 * chosen, because asking a thousand takes longer than accepting a connection. In two choices of
 * three it is among the least loaded sixteenth (1 − (15/16)¹⁶), and workers do not all pick the
 * same one. If all drawn ones are full, all open ones are asked.
 */
export class LeastRelays implements Balancer {
  private readonly open = new OpenUpstreams();
  private readonly snapshot = new Snapshot();
  private readonly order = new SmoothOrder();

  /**
   * @param random 0 ≤ x < 1
   * @param begin how far around to start among equals; see `RoundRobin`
   */
  constructor(
    private readonly random: () => number,
    private begin = 0,
  ) {}

  succeed(before: Balancer, numbers: Int32Array): void {
    if (!(before instanceof LeastRelays)) return;
    this.order.succeed(before.order, numbers);
    this.begin = before.begin;
  }

  choose(candidates: Candidates): number {
    this.open.follow(candidates);
    const some = this.open.count > ASKED_MAX ? this.leastOfSome(candidates) : -1;
    return some === -1 ? this.leastOfAll(candidates) : some;
  }

  private leastOfSome(candidates: Candidates): number {
    const { open } = this;
    let best = -1;
    let bestWeight = 0;
    let bestLoad = 0;
    for (let drawn = 0; drawn < DRAWN; drawn++) {
      const place = open.draw(this.random());
      const index = open.indices[place] as number;
      if (!candidates.isFree(index)) continue;
      const weight = open.weights[place] as number;
      const load = candidates.running(index);
      // Among equals the first one drawn wins: draws are by weight.
      if (best !== -1 && load * bestWeight >= bestLoad * weight) continue;
      best = index;
      bestWeight = weight;
      bestLoad = load;
    }
    return best;
  }

  private leastOfAll(candidates: Candidates): number {
    const { open, snapshot } = this;
    if (snapshot.read(candidates, open) === 0) return -1;
    snapshot.readLoads(candidates, open);
    const { count, weights, running } = snapshot;
    let best = -1;
    let bestWeight = 0;
    let bestLoad = 0;
    let tiedWeight = 0;
    for (let place = 0; place < count; place++) {
      const weight = weights[place] as number;
      if (weight === 0) continue;
      const load = running[place] as number;
      // load / weight < bestLoad / bestWeight, in whole numbers, so that ties are exact.
      const difference = best === -1 ? -1 : load * bestWeight - bestLoad * weight;
      if (difference < 0) {
        best = place;
        bestWeight = weight;
        bestLoad = load;
        tiedWeight = weight;
      } else if (difference === 0) {
        tiedWeight += weight;
      }
    }
    if (tiedWeight === bestWeight) return open.indices[best] as number;
    for (let place = 0; place < count; place++) {
      const load = running[place] as number;
      if (load * bestWeight !== bestLoad * (weights[place] as number)) weights[place] = 0;
    }
    let index = -1;
    let turns = 1 + Math.floor(this.begin * count);
    this.begin = 0;
    for (; turns > 0; turns--) {
      index = this.order.next(open.indices, weights, count, tiedWeight);
    }
    return index;
  }
}
