import type { Balancer, Candidates } from "./candidates.ts";

/** The first in the order of the configuration that takes anybody: one is filled after the other. */
export class FirstOpen implements Balancer {
  choose(candidates: Candidates): number {
    const count = candidates.count;
    for (let index = 0; index < count; index++) {
      if (candidates.isOpen(index) && candidates.weight(index) > 0) return index;
    }
    return -1;
  }
}
