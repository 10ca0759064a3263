import { expect, test } from "bun:test";
import { type Figure, Figures, wordsOf } from "./figure.ts";
import * as lists from "./figures.ts";

const some = new Figures((figure) => ({
  bytes: figure(),
  most: figure({ together: "most" }),
  silentSends: figure(),
}));

test("a row has each figure in its place", () => {
  expect(some.size).toBe(3);
  expect(some.place).toEqual({ bytes: 0, most: 1, silentSends: 2 });
  const row = Float64Array.of(9, 1, 2, 3);
  expect(some.read(row, 1)).toEqual({ bytes: 1, most: 2, silentSends: 3 });
});

test("what several have is added up, or the most that one has", () => {
  const total = some.none();
  expect(total).toEqual({ bytes: 0, most: 0, silentSends: 0 });
  some.add(total, { bytes: 1, most: 5, silentSends: 2 });
  some.add(total, { bytes: 2, most: 3, silentSends: 2 });
  expect(total).toEqual({ bytes: 3, most: 5, silentSends: 4 });
  expect(some.none()).toEqual({ bytes: 0, most: 0, silentSends: 0 });
});

test("a name is told as words", () => {
  expect(wordsOf("receivesWithoutBuffer")).toBe("receives without buffer");
});

const groups = Object.values(lists).filter((one) => one instanceof Figures);

test("every metric has a name of its own, and says what it is", () => {
  const all = groups
    .filter((group) => group !== lists.engineRow)
    .flatMap(({ entries }) => Object.values<Figure>(entries))
    .filter(({ metric }) => metric !== undefined);
  expect(new Set(all.map(({ metric }) => metric)).size).toBe(all.length);
  for (const { metric, help } of all) {
    expect(metric).toMatch(/^ringway_[a-z_]+$/);
    expect(help).toEndWith(".");
  }
});

test("an engine's row has its groups one after the other, and a pool its numbers beside each other", () => {
  const { relayFigures, memoryFigures, loopFigures, ringFigures, engineFigures, Count } = lists;
  const counted = [relayFigures, memoryFigures, loopFigures, ringFigures, engineFigures];
  let first = 0;
  for (const group of counted) {
    for (const [place, name] of group.names.entries()) {
      expect(lists.engineRow.names[first + place]).toBe(name);
    }
    first += group.size;
  }
  const { segmentsLeased, mirrorSegmentsLeased } = Count;
  expect([Count.segmentsLeasedMax, Count.poolBytes]).toEqual([
    segmentsLeased + 1,
    segmentsLeased + 2,
  ]);
  expect([Count.mirrorSegmentsLeasedMax, Count.mirrorPoolBytes]).toEqual([
    mirrorSegmentsLeased + 1,
    mirrorSegmentsLeased + 2,
  ]);
});
