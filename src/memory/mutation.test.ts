import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { poolMutations, ringMutations } from "../../test/model/memory-mutations.ts";
import { MutantFactory } from "../../test/model/mutant.ts";
import { type PoolClass, poolProperty } from "../../test/model/pool-property.ts";
import { type RingClass, ringProperty } from "../../test/model/ring-property.ts";
import { Pool } from "./pool.ts";
import { Ring } from "./ring.ts";

// Shows that the model tests bite, as src/flow/mutation.test.ts does for flow and relay.

const factory = new MutantFactory(import.meta.dir);
afterAll(() => factory.clear());

const lives = { seed: 1338, numRuns: 500, endOnFailure: true } as const;

describe("the model notices, in pool.ts:", () => {
  for (const mutation of poolMutations) {
    test(mutation.what, async () => {
      const [module] = await factory.make("pool.ts", mutation, ["pool.ts"]);
      const { Pool: Mutant } = module as { Pool: PoolClass };
      const noticed =
        fc.check(poolProperty(Mutant), lives).failed ||
        fc.check(ringProperty(Ring, Mutant), lives).failed;
      expect(noticed).toBe(true);
    });
  }
});

describe("the model notices, in ring.ts:", () => {
  for (const mutation of ringMutations) {
    test(mutation.what, async () => {
      const [module] = await factory.make("ring.ts", mutation, ["ring.ts"]);
      const { Ring: Mutant } = module as { Ring: RingClass };
      expect(fc.check(ringProperty(Mutant, Pool), lives).failed).toBe(true);
    });
  }
});

test("without a mutation nothing fails", () => {
  expect(fc.check(poolProperty(Pool), lives).failed).toBe(false);
  expect(fc.check(ringProperty(Ring, Pool), lives).failed).toBe(false);
});
