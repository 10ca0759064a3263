import { expect, test } from "bun:test";
import fc from "fast-check";
import { OpenUpstreams } from "./open-upstreams.ts";
import { SmoothOrder } from "./smooth.ts";
import { SmoothTurns } from "./smooth-turns.ts";
import { Snapshot } from "./snapshot.ts";
import { TestCandidates } from "./test-candidates.ts";

/** Few different weights for many, and many for few. */
const weightings = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 80 }),
  fc.array(fc.integer({ min: 0, max: 65_536 }), { minLength: 1, maxLength: 12 }),
);

function arranged(candidates: TestCandidates, turns: SmoothTurns): OpenUpstreams {
  const open = new OpenUpstreams();
  open.follow(candidates);
  turns.arrange(open);
  return open;
}

test("turns are exactly those of the order that looks at everyone, however often they are settled", () => {
  fc.assert(
    fc.property(weightings, fc.integer({ min: 1, max: 50 }), (weights, turnsMax) => {
      const turns = new SmoothTurns(turnsMax);
      const { indices, count, totalWeight, ...open } = arranged(new TestCandidates(weights), turns);
      if (count === 0) return;
      const order = new SmoothOrder();
      for (let turn = 0; turn < 200; turn++) {
        expect(turns.next()).toBe(order.next(indices, open.weights, count, totalWeight));
      }
    }),
    { numRuns: 200 },
  );
});

test("a turn of some leaves the others where they were", () => {
  const candidates = new TestCandidates([2, 1, 1]);
  const turns = new SmoothTurns();
  const open = arranged(candidates, turns);
  const snapshot = new Snapshot();
  const next = () => "abc"[turns.next()];
  const nextOf = (...full: boolean[]) => {
    candidates.isFull.splice(0, 3, ...full);
    snapshot.read(candidates, open);
    return turns.nextOf(snapshot, open);
  };
  expect(`${next()}${next()}`).toBe("ab");
  expect(nextOf(true, true, true)).toBe(-1);
  expect(nextOf(false, true, true)).toBe(0);
  expect(nextOf(false, true, true)).toBe(0);
  expect(`${next()}${next()}`).toBe("ca");
});
