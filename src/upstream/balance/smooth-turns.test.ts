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

test("turns of all and turns of some keep everyone near its share", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 12 });
  /** For some turns: who sits out; 0: all take part, by way of the heaps. */
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.nat(0xfff)), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(weights, steps, (given, all) => {
      const candidates = new TestCandidates(given);
      const turns = new SmoothTurns();
      const open = arranged(candidates, turns);
      const snapshot = new Snapshot();
      const lags = given.map(() => 0);
      for (const [count, out] of all) {
        for (const index of given.keys()) candidates.isFull[index] = ((out >> index) & 1) === 1;
        const total = snapshot.read(candidates, open);
        for (let turn = 0; turn < count && total > 0; turn++) {
          const chosen = out === 0 ? turns.next() : turns.nextOf(snapshot, open);
          for (const index of given.keys()) {
            const due = candidates.eligible(index) / total - (index === chosen ? 1 : 0);
            lags[index] = (lags[index] ?? 0) + due;
          }
          // The cup game: 1 + 1/2 + … + 1/12.
          for (const lag of lags) expect(Math.abs(lag)).toBeLessThan(3.2);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("turns of all and of some are exactly those of the order that looks at everyone", () => {
  // Sums are powers of 2, so that credits are scaled without being rounded.
  const given = [4, 4, 2, 2, 1, 1, 1, 1];
  const sum = (out: number) =>
    given.reduce((total, weight, index) => total + (((out >> index) & 1) === 1 ? 0 : weight), 0);
  const outs = [...Array(256).keys()].filter((out) => [1, 2, 4, 8].includes(sum(out)));
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom(0, ...outs)));
  fc.assert(
    fc.property(steps, (all) => {
      const candidates = new TestCandidates(given);
      const turns = new SmoothTurns();
      const open = arranged(candidates, turns);
      const snapshot = new Snapshot();
      const order = new SmoothOrder();
      for (const [count, out] of all) {
        for (const index of given.keys()) candidates.isFull[index] = ((out >> index) & 1) === 1;
        const total = snapshot.read(candidates, open);
        for (let turn = 0; turn < count; turn++) {
          const expected = order.next(open.indices, snapshot.weights, given.length, total);
          expect(out === 0 ? turns.next() : turns.nextOf(snapshot, open)).toBe(expected);
        }
      }
    }),
    { numRuns: 200 },
  );
});
