import { expect, test } from "bun:test";
import fc from "fast-check";
import { components } from "./components.ts";

/** Whether there is a way, by walking. */
function leads(next: ReadonlyMap<number, readonly number[]>, from: number, to: number): boolean {
  const seen = new Set([from]);
  for (const node of seen) for (const other of next.get(node) ?? []) seen.add(other);
  return seen.has(to);
}

test("nodes have the same number exactly when they lead to each other", () => {
  const way = fc.tuple(fc.nat({ max: 7 }), fc.nat({ max: 7 }));
  fc.assert(
    fc.property(fc.array(way, { maxLength: 14 }), (ways) => {
      const next = new Map<number, number[]>();
      for (const [from, to] of ways) next.set(from, [...(next.get(from) ?? []), to]);
      const found = components(next);
      for (const [from, to] of ways) {
        const same = found.get(from) === found.get(to);
        expect(same).toBe(leads(next, to, from));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a long way there and back is no deep call", () => {
  const size = 100_000;
  const next = new Map(Array.from({ length: size }, (_, at) => [at, [(at + 1) % size]]));
  expect(new Set(components(next).values()).size).toBe(1);
});
