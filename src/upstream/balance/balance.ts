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

/** What a policy may be given. */
export interface BalancerOptions {
  /** Where chance comes from, 0 ≤ x < 1; by default Math.random. */
  readonly random?: () => number;
  /**
   * For `hash` only: how many times its share of the running relays an upstream may have, at least 1,
   * to three decimals; 1.25 is usual. null, the default: no bound.
   */
  readonly boundedLoad?: number | null;
  /**
   * For those that go round: how much of the way lies behind it at first, 0 ≤ x < 1; 0 by default. So
   * workers do not all begin with the same upstream.
   */
  readonly begin?: number;
}

/**
 * Makes what chooses an upstream for each new relay of one listener in one worker.
 *
 * Choices look at few upstreams, however many there are, and take no memory. After a change of weights
 * or of who is open the first one reads all: microseconds for a thousand. For `hash` it builds a table
 * of 128 KiB when full weights have changed: milliseconds.
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
