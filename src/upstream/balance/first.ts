import type { Balancer, Candidates } from "./candidates.ts";
import { OpenUpstreams } from "./open-upstreams.ts";

/**
 * Chooses the first upstream in configuration order that has room, so that one fills up after the
 * other.
 *
 * Each choice asks all full upstreams before it, as a relay may have left any of them: a few
 * nanoseconds each.
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
