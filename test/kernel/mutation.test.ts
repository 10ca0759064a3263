import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { LoopClass } from "./life.ts";
import { LoopMutants } from "./loop-mutant.ts";
import { loopMutations } from "./loop-mutations.ts";
import { loopProperty } from "./loop-property.ts";

// Shows that the fuzz bites, as src/flow/mutation.test.ts does for flow and relay.

const TIMEOUT_MS = 60_000;

const mutants = new LoopMutants();
// Many copies of the source, on a machine that may be busy.
afterAll(() => mutants.clear(), TIMEOUT_MS);

/** The most stories for a mutant: those that bite it may be one in several hundred. */
const STORIES_MAX = 2_000;
/** So many are enough to see that a mutant as such is no worse: the fuzz has the rest. */
const STORIES_FEW = 50;

/**
 * The same stories for every mutant, so that one which survives does so every time. Where those of 1338 bite
 * late, the table of mutations has a seed whose do so among the first.
 */
function fails(Loop: LoopClass, numRuns: number, seed = 1338): boolean {
  return fc.check(loopProperty(Loop), { seed, numRuns, endOnFailure: true }).failed;
}

for (const [file, mutations] of Object.entries(loopMutations)) {
  describe(`the fuzz notices, in ${file}:`, () => {
    for (const mutation of mutations) {
      const notices = async () => {
        const Loop = await mutants.make(file, mutation);
        expect(fails(Loop, STORIES_MAX, mutation.seed)).toBe(true);
      };
      test(mutation.what, notices, TIMEOUT_MS);
    }
  });
}

test(
  "without a mutation nothing fails",
  async () => {
    const none = { what: "nothing", find: "export class Loop", replace: "export class Loop" };
    expect(fails(await mutants.make("loop.ts", none), STORIES_FEW)).toBe(false);
  },
  TIMEOUT_MS,
);
