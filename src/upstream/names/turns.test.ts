import { expect, test } from "bun:test";
import { Turns } from "./turns.ts";

test("so many at the same time, the others in order", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map(async (number) => {
    ends[number] = await turns.take();
    begun.push(number);
  });
  await Bun.sleep(0);
  expect(begun).toEqual([0, 1]);
  ends[1]?.();
  await Bun.sleep(0);
  expect(begun).toEqual([0, 1, 2]);
  ends[0]?.();
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3]);
  ends[2]?.();
  ends[3]?.();
  await Promise.all([turns.take(), turns.take()]);
});
