import type { Balancer, Candidates } from "./candidates.ts";
import { SmoothOrder } from "./smooth.ts";
import { Snapshot } from "./snapshot.ts";

/** In turn, by weight, interleaved: see {@link SmoothOrder}. */
export class RoundRobin implements Balancer {
  private readonly snapshot = new Snapshot();
  private readonly order = new SmoothOrder();

  choose(candidates: Candidates): number {
    const total = this.snapshot.read(candidates);
    return this.order.next(this.snapshot.weights, this.snapshot.count, total);
  }
}
