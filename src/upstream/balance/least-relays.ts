import type { Balancer, Candidates } from "./candidates.ts";
import { SmoothOrder } from "./smooth.ts";
import { Snapshot } from "./snapshot.ts";

/**
 * Where the fewest relays would run for the weight, counting the new one: a smaller (running + 1) /
 * weight. So an idle upstream of weight 1 gets nobody as long as one of weight 5 has less than five.
 *
 * Equals take turns: if the first one got them all, it would get every connection of a quiet proxy.
 */
export class LeastRelays implements Balancer {
  private readonly snapshot = new Snapshot();
  private readonly order = new SmoothOrder();

  choose(candidates: Candidates): number {
    const snapshot = this.snapshot;
    if (snapshot.read(candidates) === 0) return -1;
    snapshot.readLoads(candidates);
    const { count, weights, running } = snapshot;
    let best = -1;
    let bestWeight = 0;
    let bestLoad = 0;
    let tiedWeight = 0;
    for (let index = 0; index < count; index++) {
      const weight = weights[index] ?? 0;
      if (weight === 0) continue;
      const load = (running[index] ?? 0) + 1;
      // load / weight < bestLoad / bestWeight, in whole numbers, as a tie must be one exactly.
      const difference = best === -1 ? -1 : load * bestWeight - bestLoad * weight;
      if (difference < 0) {
        best = index;
        bestWeight = weight;
        bestLoad = load;
        tiedWeight = weight;
      } else if (difference === 0) {
        tiedWeight += weight;
      }
    }
    if (tiedWeight === bestWeight) return best;
    for (let index = 0; index < count; index++) {
      const isTied = ((running[index] ?? 0) + 1) * bestWeight === bestLoad * (weights[index] ?? 0);
      if (!isTied) weights[index] = 0;
    }
    return this.order.next(weights, count, tiedWeight);
  }
}
