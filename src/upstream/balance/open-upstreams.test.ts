import { expect, test } from "bun:test";
import fc from "fast-check";
import { OpenUpstreams } from "./open-upstreams.ts";
import { TestCandidates } from "./test-candidates.ts";

const weightings = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 300 })),
  { minLength: 1, maxLength: 20 },
);

/** Who lies at each point of the line, one after the other. */
function line({ count, weights }: OpenUpstreams): number[] {
  return Array.from({ length: count }).flatMap((_, place) =>
    Array.from({ length: weights[place] ?? 0 }, () => place),
  );
}

test("each point of the line leads to who lies there", () => {
  fc.assert(
    fc.property(weightings, fc.array(fc.nat(19)), (weights, closed) => {
      const candidates = new TestCandidates(weights);
      for (const index of closed) candidates.isClosed[index] = true;
      const open = new OpenUpstreams();
      open.follow(candidates);
      const all = line(open);
      expect(open.totalWeight).toBe(all.length);
      expect(all.map((place) => open.indices[place] ?? -1)).toEqual(
        candidates.indices.flatMap((index) =>
          Array.from({ length: candidates.eligible(index) }, () => index),
        ),
      );
      // The middle of each point, as a quotient may be rounded down.
      expect(all.map((_, point) => open.draw((point + 0.5) / all.length))).toEqual(all);
      if (all.length > 0) expect(open.draw(1)).toBe(open.count - 1);
    }),
  );
});

test("without one of them the line is that of the others", () => {
  fc.assert(
    fc.property(weightings, fc.nat(), (weights, number) => {
      const open = new OpenUpstreams();
      open.follow(new TestCandidates(weights));
      if (open.count < 2) return;
      const place = number % open.count;
      const others = line(open).filter((other) => other !== place);
      const drawn = others.map((_, point) => open.drawOther((point + 0.5) / others.length, place));
      expect(drawn).toEqual(others);
      expect(open.drawOther(1, place)).toBe(others.at(-1) ?? -1);
    }),
  );
});

test("points far out on a long line of unlike weights are found, too", () => {
  const weights = Array.from({ length: 65_535 }, (_, index) => (index % 1_000 === 0 ? 65_536 : 1));
  const open = new OpenUpstreams();
  open.follow(new TestCandidates(weights));
  let end = 0;
  for (const [index, weight] of weights.entries()) {
    const start = end;
    end += weight;
    if (index % 1_000 > 1) continue;
    expect(open.draw((start + 0.5) / open.totalWeight)).toBe(index);
    expect(open.draw((end - 0.5) / open.totalWeight)).toBe(index);
  }
});

test("is read anew for another version, and only then", () => {
  const candidates = new TestCandidates([1, 2, 3]);
  const open = new OpenUpstreams();
  expect([open.follow(candidates), open.follow(candidates)]).toEqual([true, false]);
  candidates.isFull[0] = true;
  candidates.add(1, 5);
  expect(open.follow(candidates)).toBe(false);
  candidates.weights[1] = 0;
  expect([open.follow(candidates), open.follow(candidates)]).toEqual([true, false]);
  expect([open.count, open.totalWeight, ...open.weightOf]).toEqual([2, 4, 1, 0, 3]);
  // Fewer than there were: nothing of the others is left.
  expect(open.follow(new TestCandidates([7]))).toBe(true);
  expect([open.count, open.totalWeight, ...open.weightOf]).toEqual([1, 7, 7, 0, 0]);
});

test("a change in the middle of reading is not missed", () => {
  const candidates = new TestCandidates([1, 1]);
  const open = new OpenUpstreams();
  const { weight } = candidates;
  candidates.weight = (index) => {
    // Another thread closes the first one when it has been read.
    if (index === 1) candidates.isClosed[0] = true;
    return weight.call(candidates, index);
  };
  open.follow(candidates);
  expect(open.count).toBe(2);
  expect(open.follow(candidates)).toBe(true);
  expect(open.count).toBe(1);
});
