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

/** The same stories for every mutant, so that one which survives does so every time. */
const stories = { seed: 1338, numRuns: 600, endOnFailure: true } as const;

function fails(Loop: LoopClass): boolean {
  return fc.check(loopProperty(Loop), stories).failed;
}

for (const [file, mutations] of Object.entries(loopMutations)) {
  describe(`the fuzz notices, in ${file}:`, () => {
    for (const mutation of mutations) {
      const notices = async () => {
        expect(fails(await mutants.make(file, mutation))).toBe(true);
      };
      test(mutation.what, notices, TIMEOUT_MS);
    }
  });
}

test(
  "without a mutation nothing fails",
  async () => {
    const none = { what: "nothing", find: "export class Loop", replace: "export class Loop" };
    expect(fails(await mutants.make("loop.ts", none))).toBe(false);
  },
  TIMEOUT_MS,
);
