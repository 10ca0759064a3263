import { describe, expect, test } from "bun:test";
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
  isFull: fc.boolean(),
});

test.each(kinds)(
  "%s %o chooses one that is open, free and has weight, or -1 when there is none",
  (policy, options) => {
    const changes = fc.array(
      fc.tuple(fc.array(upstream, { minLength: 1, maxLength: 12 }), fc.nat(), fc.boolean()),
    );
    fc.assert(
      fc.property(changes, fc.integer(), (states, seed) => {
        // One balancer meets all states, as upstreams change under it; so does their number.
        const balancer = newBalancer(policy, { ...options, random: seededRandom(seed) });
        for (const [upstreams, hash, isRetry] of states) {
          const candidates = new TestCandidates(upstreams.map(({ weight }) => weight));
          candidates.isRetry = isRetry;
          for (const [index, one] of upstreams.entries()) {
            const { extraWeight, running, isOpen, isFull } = one;
            candidates.fullWeights[index] = candidates.weight(index) + extraWeight;
            candidates.relays[index] = running;
            candidates.isClosed[index] = !isOpen;
            candidates.isFull[index] = isFull;
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
    get version() {
      return Math.floor(random() * 2);
    },
    get isRetry() {
      return random() < 0.5;
    },
    isFree: () => random() < 0.8,
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
  // One of them is open, has a weight and is free with a chance of 1/2 · 2/3 · 4/5, and nobody is given
  // up after a look at fewer than five.
  expect(nobody / 20_000).toBeLessThan((1 - 4 / 15) ** 5 + 0.02);
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
    candidates.isFull[chosen] = candidates.running(chosen) === 2;
  }
  expect(choices).toEqual([1, 1, 2, 2, 3, 3, -1, -1]);
});

test("least-relays: nobody gets one who has more for its weight than another", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(weights, (given) => {
      const candidates = new TestCandidates(given);
      const balancer = newBalancer("least-relays");
      for (let relay = 0; relay < 300; relay++) {
        const loads = candidates.indices.map((i) => candidates.running(i) / candidates.weight(i));
        const chosen = balancer.choose(candidates, 0);
        expect(loads[chosen]).toBe(Math.min(...loads));
        candidates.add(chosen, 1);
      }
    }),
  );
});

test("least-relays: equals take turns, by weight, when nothing runs", () => {
  const idle = new TestCandidates([1, 1, 1]);
  const balancer = newBalancer("least-relays");
  const choices = Array.from({ length: 6 }, () => balancer.choose(idle, 0));
  expect(choices).toEqual([0, 1, 2, 0, 1, 2]);

  // 1 of 2 and 2 of 4 are equal loads.
  const loaded = new TestCandidates([2, 4, 1]);
  loaded.relays.splice(0, 3, 1, 2, 7);
  const weighted = newBalancer("least-relays");
  expect(tally(3, 600, () => weighted.choose(loaded, 0))).toEqual([200, 400, 0]);
});

test("idle upstreams get their shares, and not the heaviest one all", () => {
  const least = newBalancer("least-relays");
  const idle = new TestCandidates([5, 4]);
  expect(tally(2, 9, () => least.choose(idle, 0))).toEqual([5, 4]);
  const lopsided = new TestCandidates([3, 1]);
  expect(tally(2, 400, () => least.choose(lopsided, 0))).toEqual([300, 100]);

  const two = newBalancer("two-choices", { random: seededRandom(12) });
  const shares = tally(2, 20_000, () => two.choose(lopsided, 0));
  expect(misfit(shares, [3, 1])).toBeLessThan(1);

  // More than are all looked at.
  const some = newBalancer("least-relays", { random: seededRandom(13) });
  const hundred = new TestCandidates(Array.from({ length: 100 }, (_, index) => 1 + (index % 4)));
  const drawn = tally(100, 40_000, () => some.choose(hundred, 0));
  expect(misfit(drawn, hundred.weights)).toBeLessThan(1);
});

test("an idle upstream comes before one that has relays, whatever they weigh", () => {
  const candidates = new TestCandidates([5, 1]);
  candidates.add(0, 1);
  for (const policy of ["least-relays", "two-choices"] as const) {
    expect(newBalancer(policy).choose(candidates, 0)).toBe(1);
  }
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
  // 30/3 is more than 8/1: whatever was picked first, the other one is looked at.
  for (let choice = 0; choice < 100; choice++) expect(balancer.choose(candidates, 0)).toBe(1);
  candidates.relays[0] = 23;
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

describe("among a thousand", () => {
  /** Every other one is closed, one of five is full, which are 400 that may be chosen; no one is heavier. */
  function thousand(weights = Array.from({ length: 1_000 }, () => 256)): TestCandidates {
    const candidates = new TestCandidates(weights);
    for (const index of candidates.indices) {
      candidates.isClosed[index] = index % 2 === 0;
      candidates.isFull[index] = index % 5 === 0;
    }
    return candidates;
  }

  test.each(policies)("%s looks at few, unless something has changed", (policy) => {
    const random = seededRandom(7);
    const candidates = new TestCandidates(Array.from({ length: 1_000 }, (_, i) => 1 + (i % 3)));
    const balancer = newBalancer(policy, { random });
    /** How often it has asked for anything in a choice. */
    const reads = () => {
      candidates.reads = 0;
      const chosen = balancer.choose(candidates, Math.floor(random() * 2 ** 32));
      const { reads } = candidates;
      expect(candidates.eligible(chosen)).toBeGreaterThan(0);
      candidates.add(chosen, 1);
      return reads;
    };
    expect(reads()).toBeGreaterThanOrEqual(1_000);
    for (let choice = 0; choice < 3_000; choice++) expect(reads()).toBeLessThanOrEqual(64);
    // One of four is full: a look more for each that is met.
    for (const index of candidates.indices) candidates.isFull[index] = random() < 0.25;
    for (let choice = 0; choice < 3_000; choice++) expect(reads()).toBeLessThanOrEqual(64);
    for (const change of [
      () => (candidates.isClosed[5] = true),
      () => (candidates.weights[500] = 1),
      () => (candidates.isClosed[5] = false),
    ]) {
      change();
      expect(reads()).toBeGreaterThanOrEqual(1_000);
      expect(reads()).toBeLessThanOrEqual(64);
    }
  });

  test.each(policies)("%s takes only who is open and free, at each moment", (policy) => {
    const random = seededRandom(8);
    const candidates = thousand();
    const balancer = newBalancer(policy, { random });
    const filled: number[] = [];
    const closed: number[] = [];
    for (let choice = 0; choice < 3_000; choice++) {
      const chosen = balancer.choose(candidates, Math.floor(random() * 2 ** 32));
      expect(candidates.eligible(chosen)).toBeGreaterThan(0);
      candidates.add(chosen, 1);
      // Of the 400 at most 300 at a time; the first ones come back.
      if (choice % 3 === 0) {
        filled.push(chosen);
        candidates.isFull[chosen] = true;
        if (filled.length > 200) candidates.isFull[filled.shift() ?? 0] = false;
      } else if (choice % 10 === 1) {
        closed.push(chosen);
        candidates.isClosed[chosen] = true;
        if (closed.length > 100) candidates.isClosed[closed.shift() ?? 0] = false;
      }
    }
  });

  test.each(policies)("%s finds the last one that is free, and then nobody", (policy) => {
    const candidates = new TestCandidates(Array.from({ length: 1_000 }, () => 1));
    candidates.isFull.fill(true);
    candidates.isFull[777] = false;
    const balancer = newBalancer(policy);
    const choose = () => balancer.choose(candidates, Math.floor(Math.random() * 2 ** 32));
    expect(Array.from({ length: 20 }, choose)).toEqual(Array.from({ length: 20 }, () => 777));
    candidates.isFull[777] = true;
    expect(choose()).toBe(-1);
    candidates.isFull[3] = false;
    expect(choose()).toBe(3);
  });

  test("two-choices compares the last two", () => {
    const candidates = new TestCandidates(Array.from({ length: 1_000 }, () => 1));
    candidates.isFull.fill(true);
    for (const index of [3, 777]) candidates.isFull[index] = false;
    candidates.relays[3] = 1;
    const balancer = newBalancer("two-choices");
    for (let choice = 0; choice < 50; choice++) expect(balancer.choose(candidates, 0)).toBe(777);
  });

  test.each(["round-robin", "random", "hash"] as const)("%s gives all their shares", (policy) => {
    const random = seededRandom(9);
    const candidates = thousand(Array.from({ length: 1_000 }, (_, index) => 1 + (index % 7)));
    const balancer = newBalancer(policy, { random });
    const choose = () => balancer.choose(candidates, Math.floor(random() * 2 ** 32));
    const shares = candidates.indices.map((index) => candidates.eligible(index));
    expect(misfit(tally(1_000, 40_000, choose), shares)).toBeLessThan(1);
  });

  test.each(["least-relays", "two-choices"] as const)("%s leaves equals to chance", (policy) => {
    const candidates = thousand();
    const balancer = newBalancer(policy, { random: seededRandom(10) });
    const choose = () => balancer.choose(candidates, 0);
    const shares = candidates.indices.map((index) => candidates.eligible(index));
    expect(misfit(tally(1_000, 40_000, choose), shares)).toBeLessThan(1);
  });

  test.each([
    ["least-relays", 2],
    ["two-choices", 5],
  ] as const)("%s keeps the highest load within %i of the mean, by weight", (policy, above) => {
    const random = seededRandom(11);
    const candidates = new TestCandidates(Array.from({ length: 1_000 }, (_, i) => 1 + (i % 2)));
    const balancer = newBalancer(policy, { random });
    const relays: number[] = [];
    let highest = 0;
    for (let step = 0; step < 60_000; step++) {
      if (relays.length === 15_000) {
        const place = Math.floor(random() * 15_000);
        candidates.add(relays[place] ?? 0, -1);
        relays[place] = relays.at(-1) ?? 0;
        relays.pop();
      }
      const chosen = balancer.choose(candidates, 0);
      candidates.add(chosen, 1);
      relays.push(chosen);
      highest = Math.max(highest, candidates.running(chosen) / candidates.weight(chosen));
    }
    // Ten for each weight of 1.
    expect(highest).toBeLessThanOrEqual(10 + above);
  });
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
