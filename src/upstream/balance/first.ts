import type { Balancer, Candidates } from "./candidates.ts";
import { OpenUpstreams } from "./open-upstreams.ts";

/**
 * The first in the order of the configuration that takes anybody: one is filled after the other.
 *
 * It asks all full ones before it, as relays may have left any of them: some nanoseconds each.
 */
export class FirstOpen implements Balancer {
  private readonly open = new OpenUpstreams();

  choose(candidates: Candidates): number {
    const { open } = this;
    open.follow(candidates);
    const { count, indices } = open;
    for (let place = 0; place < count; place++) {
      const index = indices[place] as number;
      if (candidates.isFree(index)) return index;
    }
    return -1;
  }
}
