import { expect, test } from "bun:test";
import { judge, type Sample } from "./verdict.ts";

const MIB = 1024 * 1024;

function samples(rssBytes: (second: number) => number): Sample[] {
  return Array.from({ length: 400 }, (_, seconds) => ({
    seconds,
    rssBytes: rssBytes(seconds),
    heapBytes: 10 * MIB,
    descriptors: 100,
    leased: 0,
    relays: 40,
  }));
}

const growing = (rssBytes: (second: number) => number) =>
  judge(samples(rssBytes)).flatMap(({ vital, grows }) => (grows ? [vital] : []));

test("what rises at the start and then stays does not grow", () => {
  expect(growing((second) => Math.min(second, 60) * MIB)).toEqual([]);
});

test("what goes up and down does not grow", () => {
  expect(growing((second) => (50 + (second % 10)) * MIB)).toEqual([]);
});

test("what rises slowly and without end grows", () => {
  expect(growing((second) => (50 + second / 10) * MIB)).toEqual(["rssBytes"]);
});
