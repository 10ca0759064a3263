import { expect, test } from "bun:test";
import fc from "fast-check";
import { newBalancer } from "./balance.ts";
import { TestCandidates, tally } from "./test-candidates.ts";

/** An upstream's letter for each choice. */
function choices(
  candidates: TestCandidates,
  number: number,
  balancer = newBalancer("round-robin"),
) {
  return Array.from({ length: number }, () => "abcdef"[balancer.choose(candidates, 0)]).join("");
}

test("5:1:1 is a a b a c a a, again and again", () => {
  expect(choices(new TestCandidates([5, 1, 1]), 21)).toBe("aabacaa".repeat(3));
  expect(choices(new TestCandidates([1, 1, 1]), 7)).toBe("abcabca");
  expect(choices(new TestCandidates([7]), 3)).toBe("aaa");
});

test("each round of as many turns as all weights gives everyone exactly its weight", () => {
  const weights = fc.array(fc.nat(30), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(weights, (given) => {
      const total = given.reduce((sum, weight) => sum + weight, 0);
      const balancer = newBalancer("round-robin");
      const candidates = new TestCandidates(given);
      for (let round = 0; round < 3; round++) {
        expect(tally(given.length, total, () => balancer.choose(candidates, 0))).toEqual(given);
      }
    }),
  );
});

test("nobody is ever more than a few turns ahead of or behind its share, whoever opens and closes", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 6 });
  const flips = fc.array(fc.tuple(fc.nat(40), fc.nat(5)), { maxLength: 60 });
  fc.assert(
    fc.property(weights, flips, (given, steps) => {
      const candidates = new TestCandidates(given);
      const balancer = newBalancer("round-robin");
      const lags = given.map(() => 0);
      for (const [turns, flipped] of steps) {
        for (let turn = 0; turn < turns; turn++) {
          const chosen = balancer.choose(candidates, 0);
          const total = candidates.indices.reduce((sum, i) => sum + candidates.eligible(i), 0);
          if (total === 0) break;
          for (const index of candidates.indices) {
            const due = candidates.eligible(index) / total - (index === chosen ? 1 : 0);
            lags[index] = (lags[index] ?? 0) + due;
          }
          // The cup game: the fullest of n is never above 1 + 1/2 + … + 1/n, here 2.45.
          for (const lag of lags) expect(Math.abs(lag)).toBeLessThan(3);
        }
        if (flipped < given.length) candidates.isClosed[flipped] = candidates.isOpen(flipped);
      }
    }),
  );
});

test("who is closed leaves the others in step", () => {
  const candidates = new TestCandidates([5, 1, 1, 3]);
  const balancer = newBalancer("round-robin");
  choices(candidates, 10, balancer);
  candidates.isClosed[3] = true;
  expect(choices(candidates, 14, balancer)).toBe("aabacaa".repeat(2));
});

test("who comes back is not sent all that it missed", () => {
  const candidates = new TestCandidates([1, 1, 1]);
  const balancer = newBalancer("round-robin");
  candidates.isClosed[2] = true;
  choices(candidates, 1_000, balancer);
  candidates.isClosed[2] = false;
  expect(choices(candidates, 9, balancer)).not.toMatch(/cc/);
});

test("weights that become small do not make who has just been chosen wait", () => {
  const candidates = new TestCandidates([1, 65_536]);
  const balancer = newBalancer("round-robin");
  choices(candidates, 40_000, balancer);
  candidates.weights.splice(0, 2, 1, 1);
  const after = choices(candidates, 20, balancer);
  expect(after.match(/a/g)?.length).toBeWithin(9, 12);
});

test("who is full loses its turns, and the others go on in their order", () => {
  const candidates = new TestCandidates([5, 1, 1, 7]);
  const balancer = newBalancer("round-robin");
  candidates.isFull[3] = true;
  expect(choices(candidates, 14, balancer).replaceAll("a", "")).toBe("bcbc");
  choices(candidates, 1_000, balancer);
  candidates.isFull[3] = false;
  // It is not sent all that it missed.
  const after = choices(candidates, 140, balancer);
  expect(after.match(/d/g)?.length).toBeWithin(68, 73);
});

test("a light one gets its turn soon although a heavy one that is full would have thousands before it", () => {
  const candidates = new TestCandidates([65_536, 1, 1]);
  candidates.isFull[0] = true;
  const balancer = newBalancer("round-robin");
  candidates.reads = 0;
  expect(choices(candidates, 6, balancer)).toMatch(/^(bc){3}|(cb){3}$/);
  expect(candidates.reads).toBeLessThan(6 * 64);
});

test("who was tried for a relay sits out and loses nothing", () => {
  const candidates = new TestCandidates([1, 1]);
  const balancer = newBalancer("round-robin");
  const first = tally(2, 100, () => {
    const chosen = balancer.choose(candidates, 0);
    // Dials to a fail, and go on with b.
    if (chosen !== 0) return chosen;
    candidates.isRetry = true;
    candidates.isFull[0] = true;
    expect(balancer.choose(candidates, 0)).toBe(1);
    candidates.isRetry = false;
    candidates.isFull[0] = false;
    return chosen;
  });
  expect(first[0]).toBeWithin(49, 52);
});
