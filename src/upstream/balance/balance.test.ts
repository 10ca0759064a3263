import { expect, test } from "bun:test";
import fc from "fast-check";
import { AssertionError } from "../../assert.ts";
import { type BalancerOptions, newBalancer, type Policy, policies } from "./balance.ts";
import { misfit, seededRandom, TestCandidates, tally } from "./test-candidates.ts";

const kinds: [Policy, BalancerOptions][] = [
  ...policies.map((policy): [Policy, BalancerOptions] => [policy, {}]),
  ["hash", { boundedLoad: 1 }],
  ["hash", { boundedLoad: 1.25 }],
];

const upstream = fc.record({
  weight: fc.oneof(fc.constant(0), fc.constant(1), fc.integer({ min: 0, max: 65_536 })),
  extraWeight: fc.oneof(fc.constant(0), fc.nat(100)),
  running: fc.oneof(fc.nat(5), fc.nat(1_000_000)),
  isOpen: fc.boolean(),
});

test.each(kinds)(
  "%s %o chooses one that is open and has weight, or -1 when there is none",
  (policy, options) => {
    const changes = fc.array(
      fc.tuple(fc.array(upstream, { minLength: 1, maxLength: 12 }), fc.nat()),
    );
    fc.assert(
      fc.property(changes, fc.integer(), (states, seed) => {
        // One balancer meets all states, as upstreams change under it; so does their number.
        const balancer = newBalancer(policy, { ...options, random: seededRandom(seed) });
        for (const [upstreams, hash] of states) {
          const candidates = new TestCandidates(upstreams.map(({ weight }) => weight));
          for (const [index, { extraWeight, running, isOpen }] of upstreams.entries()) {
            candidates.fullWeights[index] = candidates.weight(index) + extraWeight;
            candidates.relays[index] = running;
            candidates.isClosed[index] = !isOpen;
          }
          const chosen = balancer.choose(candidates, hash >>> 0);
          const someone = candidates.indices.some((index) => candidates.eligible(index) > 0);
          if (someone) expect(candidates.eligible(chosen)).toBeGreaterThan(0);
          else expect(chosen).toBe(-1);
        }
      }),
      // A table for each state takes time.
      { numRuns: policy === "hash" ? 10 : 100 },
    );
  },
);

test.each(kinds)("%s %o survives that everything changes between two looks", (policy, options) => {
  const random = seededRandom(5);
  const balancer = newBalancer(policy, { ...options, random });
  const restless = {
    count: 5,
    weight: () => Math.floor(random() * 3),
    fullWeight: () => 3,
    running: () => Math.floor(random() * 3),
    isOpen: () => random() < 0.5,
    name: (index: number) => `${index}`,
  };
  let nobody = 0;
  for (let choice = 0; choice < 20_000; choice++) {
    const chosen = balancer.choose(restless, Math.floor(random() * 2 ** 32));
    expect([-1, 0, 1, 2, 3, 4]).toContain(chosen);
    if (chosen === -1) nobody++;
  }
  // A look finds one of them shut with a chance of 2/3, and nobody is given up after fewer than five.
  expect(nobody / 20_000).toBeLessThan((2 / 3) ** 5 + 0.02);
});

test.each(["round-robin", "random", "hash"] as const)(
  "%s gives everyone its weight's share",
  (policy) => {
    const random = seededRandom(1);
    const weightings = [
      [1, 1],
      [1, 1, 1],
      [5, 1, 1],
      [1, 2, 3, 4, 0, 5],
      [65_536, 1_000, 30_000],
      Array.from({ length: 100 }, (_, index) => 1 + (index % 4)),
    ];
    for (const weights of weightings) {
      const candidates = new TestCandidates(weights);
      const balancer = newBalancer(policy, { random });
      const choose = () => balancer.choose(candidates, Math.floor(random() * 2 ** 32));
      expect(misfit(tally(weights.length, 50_000, choose), weights)).toBeLessThan(1);
    }
  },
);

test.each(["round-robin", "random", "hash"] as const)(
  "%s gives the others the share of who is closed, by weight",
  (policy) => {
    const random = seededRandom(2);
    const weights = [5, 1, 4, 2, 3, 2];
    const candidates = new TestCandidates(weights);
    candidates.isClosed[2] = true;
    candidates.isClosed[3] = true;
    const balancer = newBalancer(policy, { random });
    const choose = () => balancer.choose(candidates, Math.floor(random() * 2 ** 32));
    expect(misfit(tally(6, 50_000, choose), [5, 1, 0, 0, 3, 2])).toBeLessThan(1);
  },
);

test("first fills one after the other", () => {
  const candidates = new TestCandidates([0, 1, 1, 1]);
  const balancer = newBalancer("first");
  const choices: number[] = [];
  for (let choice = 0; choice < 8; choice++) {
    const chosen = balancer.choose(candidates, 0);
    choices.push(chosen);
    candidates.add(chosen, 1);
    candidates.isClosed[chosen] = candidates.running(chosen) === 2;
  }
  expect(choices).toEqual([1, 1, 2, 2, 3, 3, -1, -1]);
});

test("least-relays: nobody has more for its weight than anyone would have with one more", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(weights, (given) => {
      const candidates = new TestCandidates(given);
      const balancer = newBalancer("least-relays");
      for (let relay = 0; relay < 300; relay++) {
        candidates.add(balancer.choose(candidates, 0), 1);
        const loads = candidates.indices.map((i) => candidates.running(i) / candidates.weight(i));
        const next = candidates.indices.map(
          (i) => (candidates.running(i) + 1) / candidates.weight(i),
        );
        expect(Math.max(...loads)).toBeLessThanOrEqual(Math.min(...next));
      }
    }),
  );
});

test("least-relays: equals take turns, by weight, when nothing runs", () => {
  const idle = new TestCandidates([1, 1, 1]);
  const balancer = newBalancer("least-relays");
  const choices = Array.from({ length: 6 }, () => balancer.choose(idle, 0));
  expect(choices).toEqual([0, 1, 2, 0, 1, 2]);

  // 1 of 2 and 3 of 4 are equal loads for the next relay, as are 2/2 and 4/4.
  const loaded = new TestCandidates([2, 4, 1]);
  loaded.relays.splice(0, 3, 1, 3, 7);
  const weighted = newBalancer("least-relays");
  expect(tally(3, 600, () => weighted.choose(loaded, 0))).toEqual([200, 400, 0]);
});

test.each([
  ["least-relays", 1],
  ["two-choices", 5],
] as const)(
  "%s keeps the highest load within %i of the mean, while relays come and go",
  (policy, above) => {
    const random = seededRandom(3);
    const count = 50;
    const candidates = new TestCandidates(Array.from({ length: count }, () => 1));
    const balancer = newBalancer(policy, { random });
    const relays: number[] = [];
    let highest = 0;
    for (let step = 0; step < 40_000; step++) {
      // A thousand relays; any of them may be the next to end.
      if (relays.length === 1_000) {
        const place = Math.floor(random() * 1_000);
        candidates.add(relays[place] ?? 0, -1);
        relays[place] = relays.at(-1) ?? 0;
        relays.pop();
      }
      const chosen = balancer.choose(candidates, 0);
      candidates.add(chosen, 1);
      relays.push(chosen);
      if (step > 1_000) highest = Math.max(highest, candidates.running(chosen));
    }
    expect(highest).toBeLessThanOrEqual(1_000 / count + above);
  },
);

test("two-choices always compares two different ones", () => {
  const random = seededRandom(4);
  const balancer = newBalancer("two-choices", { random });
  const candidates = new TestCandidates([3, 1, 1]);
  candidates.relays.splice(0, 3, 30, 8, 9);
  candidates.isClosed[2] = true;
  // 31/3 is more than 9/1: whatever was picked first, the other one is looked at.
  for (let choice = 0; choice < 100; choice++) expect(balancer.choose(candidates, 0)).toBe(1);
  candidates.relays[0] = 25;
  for (let choice = 0; choice < 100; choice++) expect(balancer.choose(candidates, 0)).toBe(0);
});

test("two-choices follows weights, and chance where loads are equal", () => {
  const random = seededRandom(6);
  const balancer = newBalancer("two-choices", { random });
  const equal = new TestCandidates([1, 1, 1, 1]);
  expect(
    misfit(
      tally(4, 20_000, () => balancer.choose(equal, 0)),
      [1, 1, 1, 1],
    ),
  ).toBeLessThan(1);
  const weighted = new TestCandidates([8, 4, 2, 2]);
  for (let relay = 0; relay < 16_000; relay++) weighted.add(balancer.choose(weighted, 0), 1);
  for (const index of weighted.indices) {
    const share = 1_000 * weighted.weight(index);
    expect(Math.abs(weighted.running(index) - share)).toBeLessThan(10);
  }
});

test("a random number of almost 1, or of 1, leads to the last one that may be chosen", () => {
  for (const policy of ["random", "two-choices"] as const) {
    for (const number of [1 - 2 ** -53, 1]) {
      const candidates = new TestCandidates([3, 3, 3]);
      candidates.relays[0] = 1;
      candidates.isClosed[2] = true;
      expect(newBalancer(policy, { random: () => number }).choose(candidates, 0)).toBe(1);
    }
  }
});

test("a load bound belongs to hash and is at least 1", () => {
  expect(() => newBalancer("random", { boundedLoad: 1.25 })).toThrow(AssertionError);
  expect(() => newBalancer("hash", { boundedLoad: 0.99 })).toThrow(AssertionError);
  expect(() => newBalancer("hash", { boundedLoad: Number.NaN })).toThrow(AssertionError);
});
