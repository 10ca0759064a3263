import { expect, test } from "bun:test";
import fc from "fast-check";
import { newBalancer } from "./balance.ts";
import { misfit, seededRandom, TestCandidates, tally } from "./test-candidates.ts";

const KEYS = 20_000;

/** Hashes of clients: evenly spread, as those of addresses are. */
const hashes = Array.from({ length: KEYS }, (_, key) =>
  Bun.hash.murmur32v3(Uint8Array.of(10, 1, key >> 8, key & 255)),
);

function equal(count: number): TestCandidates {
  return new TestCandidates(Array.from({ length: count }, () => 1));
}

/** Where each key goes. */
function chosen(candidates: TestCandidates, balancer = newBalancer("hash")): number[] {
  return hashes.map((hash) => balancer.choose(candidates, hash));
}

test("addresses that follow each other spread by weight, whether they are hashed or taken as they are", () => {
  const weights = [1, 2, 3, 4, 0, 10];
  const candidates = new TestCandidates(weights);
  const balancer = newBalancer("hash");
  const spread = (hash: (key: number) => number) =>
    misfit(
      tally(6, KEYS, (key) => balancer.choose(candidates, hash(key))),
      weights,
    );
  expect(spread((key) => hashes[key] ?? 0)).toBeLessThan(1);
  expect(spread((key) => 0x0a01_0000 + key)).toBeLessThan(1);
  expect(spread((key) => key << 16)).toBeLessThan(1);
});

test("only the clients of who closes move; they go to all others by weight, and come back", () => {
  const weights = Array.from({ length: 10 }, (_, index) => 1 + (index % 3));
  const candidates = new TestCandidates(weights);
  const balancer = newBalancer("hash");
  const before = chosen(candidates, balancer);
  candidates.isClosed[4] = true;
  const during = chosen(candidates, balancer);
  const moved = [...before.keys()].filter((key) => before[key] !== during[key]);
  expect(moved.every((key) => before[key] === 4)).toBe(true);
  expect(moved.length).toBe(before.filter((index) => index === 4).length);
  const counts = tally(10, moved.length, (place) => during[moved[place] ?? 0] ?? -1);
  expect(misfit(counts, weights.with(4, 0))).toBeLessThan(1);
  candidates.isClosed[4] = false;
  expect(chosen(candidates, balancer)).toEqual(before);
  expect(candidates.namesRead).toBe(10);
});

test("whoever closes on top of whoever is closed already, nobody else moves", () => {
  const closed = fc.array(fc.nat(11), { maxLength: 20 });
  const balancer = newBalancer("hash");
  fc.assert(
    fc.property(
      closed,
      closed,
      fc.array(fc.nat(0xffff_ffff), { minLength: 50 }),
      (some, more, keys) => {
        const candidates = equal(12);
        // Slow start of some is no reason to move others either.
        for (const index of [1, 2, 3]) candidates.weights[index] = 16 * index;
        candidates.fullWeights.fill(64);
        for (const index of some) candidates.isClosed[index] = true;
        const before = keys.map((key) => balancer.choose(candidates, key));
        for (const index of more) candidates.isClosed[index] = true;
        for (const [place, key] of keys.entries()) {
          const was = before[place] ?? -1;
          if (candidates.eligible(was) > 0) expect(balancer.choose(candidates, key)).toBe(was);
        }
      },
    ),
  );
});

test("when almost all are closed, those that are left share by weight", () => {
  const candidates = new TestCandidates(Array.from({ length: 100 }, (_, index) => 1 + (index % 2)));
  candidates.isClosed.fill(true, 0, 96);
  const now = chosen(candidates);
  const counts = tally(100, KEYS, (key) => now[key] ?? -1);
  const weights = candidates.indices.map((index) => candidates.eligible(index));
  expect(misfit(counts, weights)).toBeLessThan(1);
});

test.each([
  [3, 0.001],
  [10, 0.01],
  [50, 0.01],
  [100, 0.012],
])(
  "one of %i that is taken out for good moves less than %d of the others' clients",
  (count, most) => {
    const before = chosen(equal(count));
    for (const gone of [0, Math.floor(count / 2), count - 1]) {
      const candidates = equal(count);
      candidates.weights[gone] = 0;
      candidates.fullWeights[gone] = 0;
      const after = chosen(candidates);
      const others = before.filter((was, key) => was !== gone && was !== after[key]).length;
      expect(others / KEYS).toBeLessThan(most);
      const own = before.filter((was) => was === gone).length;
      const share = KEYS / count;
      // Six standard deviations of a share, as it would be by chance.
      expect(Math.abs(own - share)).toBeLessThan(6 * Math.sqrt(share));
    }
  },
);

test("an upstream that is added takes its share and leaves the others their clients", () => {
  const candidates = equal(10);
  const balancer = newBalancer("hash");
  const before = chosen(candidates, balancer);
  const more = equal(11);
  const after = chosen(more, balancer);
  const toOthers = after.filter((now, key) => now !== 10 && now !== before[key]).length;
  expect(toOthers / KEYS).toBeLessThan(0.01);
  expect(
    misfit(
      tally(11, KEYS, (key) => after[key] ?? -1),
      more.weights,
    ),
  ).toBeLessThan(1);
});

test("a weight of 0 moves nobody but its own clients as long as the full weight stays", () => {
  const candidates = equal(10);
  const balancer = newBalancer("hash");
  const before = chosen(candidates, balancer);
  candidates.weights[3] = 0;
  const after = chosen(candidates, balancer);
  expect(after).not.toContain(3);
  expect(before.every((was, key) => was === 3 || was === after[key])).toBe(true);
});

test("the order of the configuration does not count, only names", () => {
  const names = Array.from({ length: 20 }, (_, index) => `upstream-${index}.example:80`);
  const weights = names.map((_, index) => 1 + (index % 4));
  const order = [...names.keys()].sort((one, other) => ((one * 7) % 20) - ((other * 7) % 20));
  const plain = new TestCandidates(weights, names);
  const turned = new TestCandidates(
    order.map((index) => weights[index] ?? 0),
    order.map((index) => names[index] ?? ""),
  );
  const there = chosen(turned).map((index) => order[index]);
  expect(there).toEqual(chosen(plain));
});

test("upstreams of the same name share alike, also when almost all are closed", () => {
  const weights = Array.from({ length: 100 }, () => 1);
  const candidates = new TestCandidates(
    weights,
    weights.map(() => "same:80"),
  );
  for (const open of [100, 3]) {
    candidates.isClosed.fill(true, open);
    const now = chosen(candidates);
    const counts = tally(100, KEYS, (key) => now[key] ?? -1);
    expect(misfit(counts.slice(0, open), weights.slice(0, open))).toBeLessThan(1);
  }
});

test("slow start: clients come back one after the other, in proportion, without a new table", () => {
  const candidates = new TestCandidates([100, 100, 100, 100]);
  const balancer = newBalancer("hash");
  let own = new Set<number>();
  for (const weight of [0, 1, 10, 40, 70, 99, 100]) {
    candidates.weights[1] = weight;
    const now = chosen(candidates, balancer);
    const counts = tally(4, KEYS, (key) => now[key] ?? -1);
    expect(misfit(counts, candidates.weights)).toBeLessThan(1);
    const back = new Set([...now.keys()].filter((key) => now[key] === 1));
    // Who is back stays.
    expect(own.isSubsetOf(back)).toBe(true);
    own = back;
  }
  expect(candidates.namesRead).toBe(4);
});

test("the table follows the full weights and the number of upstreams, at once", () => {
  const balancer = newBalancer("hash");
  const candidates = new TestCandidates([1, 1]);
  chosen(candidates, balancer);
  candidates.weights[1] = 3;
  candidates.fullWeights[1] = 3;
  const heavier = chosen(candidates, balancer);
  expect(
    misfit(
      tally(2, KEYS, (key) => heavier[key] ?? -1),
      [1, 3],
    ),
  ).toBeLessThan(1);
  expect(new Set(chosen(new TestCandidates([1]), balancer))).toEqual(new Set([0]));
  expect(new Set(chosen(new TestCandidates([0, 0]), balancer))).toEqual(new Set([-1]));
  expect(new Set(chosen(new TestCandidates([1, 0, 1]), balancer))).toEqual(new Set([0, 2]));
  expect(new Set(chosen(new TestCandidates([]), balancer))).toEqual(new Set([-1]));
});

test("a client finds the same upstream in each worker, and after an update of ringway", () => {
  const few = new TestCandidates([1, 2, 3], ["a:80", "b:80", "c:80"]);
  expect(chosen(few).slice(0, 24).join("")).toBe("220111122222221102120012");
  few.isClosed[2] = true;
  expect(chosen(few).slice(0, 24).join("")).toBe("100111110111101101110010");
  // So few are open that most are chosen among all.
  const many = equal(300);
  many.isClosed.fill(true, 3);
  expect(chosen(many).slice(0, 24).join("")).toBe("220012121120120011000220");
});

test("a bound on the load is never exceeded, not even when all clients hash to one upstream", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 });
  // Round ones too, as bounds are then whole numbers that a load meets exactly.
  const bounds = fc.oneof(
    fc.constantFrom(1_000, 1_250, 1_500, 2_000),
    fc.integer({ min: 1_000, max: 3_000 }),
  );
  fc.assert(
    fc.property(weights, bounds, fc.integer(), (given, thousandths, seed) => {
      const random = seededRandom(seed);
      const candidates = new TestCandidates(given);
      const balancer = newBalancer("hash", { boundedLoad: thousandths / 1_000 });
      for (let relay = 0; relay < 300; relay++) {
        const index = Math.floor(random() * given.length);
        if (random() < 0.05) candidates.isClosed[index] = candidates.isOpen(index);
        if (random() < 0.3 && candidates.running(index) > 0) candidates.add(index, -1);
        const open = candidates.indices.filter((i) => candidates.isOpen(i));
        const now = balancer.choose(
          candidates,
          random() < 0.7 ? 1 : Math.floor(random() * 2 ** 32),
        );
        if (open.length === 0) {
          expect(now).toBe(-1);
          continue;
        }
        const all = open.reduce((sum, i) => sum + candidates.running(i), 0) + 1;
        const totalWeight = open.reduce((sum, i) => sum + candidates.weight(i), 0);
        const share = (thousandths * all * candidates.weight(now)) / (1_000 * totalWeight);
        expect(candidates.running(now) + 1).toBeLessThanOrEqual(Math.ceil(share));
        candidates.add(now, 1);
      }
    }),
    { numRuns: 60 },
  );
});

test("a bound moves nobody while loads are below it", () => {
  const candidates = equal(5);
  candidates.relays.fill(100);
  const bounded = chosen(candidates, newBalancer("hash", { boundedLoad: 1.25 }));
  expect(bounded).toEqual(chosen(candidates));
});

test("who is above the bound loses only new clients, and to all others", () => {
  const candidates = equal(8);
  candidates.relays.fill(100);
  candidates.relays[2] = 200;
  const free = chosen(candidates);
  const bounded = chosen(candidates, newBalancer("hash", { boundedLoad: 1.25 }));
  expect(bounded.every((now, key) => now === free[key] || free[key] === 2)).toBe(true);
  const passed = free.flatMap((was, key) => (was === 2 ? [bounded[key] ?? -1] : []));
  expect(
    misfit(
      tally(8, passed.length, (place) => passed[place] ?? -1),
      [1, 1, 0, 1, 1, 1, 1, 1],
    ),
  ).toBeLessThan(1);
});
