import { assert } from "../../assert.ts";
import type { Balancer } from "./candidates.ts";
import { FirstOpen } from "./first.ts";
import { Hashed } from "./hashed.ts";
import { LeastRelays } from "./least-relays.ts";
import { RandomChoice } from "./random.ts";
import { RoundRobin } from "./round-robin.ts";
import { TwoChoices } from "./two-choices.ts";

export type { Balancer, Candidates } from "./candidates.ts";

/** The ways to choose one of several upstreams, as the configuration names them. */
export const policies = [
  "round-robin",
  "least-relays",
  "two-choices",
  "random",
  "first",
  "hash",
] as const;

/** One of {@link policies}. */
export type Policy = (typeof policies)[number];

/** Options of a policy. */
export interface BalancerOptions {
  /** A source of random numbers, 0 ≤ x < 1; by default Math.random. */
  readonly random?: () => number;
  /**
   * For `hash` only: how many times its fair share of the running relays an upstream may have, at
   * least 1, to three decimals; 1.25 is usual. null, the default: no bound.
   */
  readonly boundedLoad?: number | null;
  /**
   * For policies that take turns: how far around to start, 0 ≤ x < 1; 0 by default. Workers use it
   * so that they do not all start with the same upstream.
   */
  readonly begin?: number;
}

/**
 * Makes the balancer of one listener in one worker, which chooses an upstream for each new relay.
 *
 * A choice looks at few upstreams, however many there are, and allocates nothing. The first choice
 * after a change of weights or of open upstreams reads all of them: microseconds for a thousand. If
 * full weights have changed, `hash` builds a table of 128 KiB, which takes milliseconds.
 */
export function newBalancer(policy: Policy, options: BalancerOptions = {}): Balancer {
  const { random = Math.random, boundedLoad = null, begin = 0 } = options;
  assert(boundedLoad === null || policy === "hash", "only hash has a load bound");
  switch (policy) {
    case "round-robin":
      return new RoundRobin(begin);
    case "least-relays":
      return new LeastRelays(random, begin);
    case "two-choices":
      return new TwoChoices(random);
    case "random":
      return new RandomChoice(random);
    case "first":
      return new FirstOpen();
    case "hash":
      assert(boundedLoad === null || boundedLoad >= 1, "a load bound is at least 1");
      return new Hashed(boundedLoad);
  }
}
