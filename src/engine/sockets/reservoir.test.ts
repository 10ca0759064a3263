import { expect, test } from "bun:test";
import { Pool } from "../../memory/pool.ts";
import { Reservoir } from "./reservoir.ts";

/** A reservoir of four chunks of 8 segments each, and what it called. */
function fresh(): { reservoir: Reservoir; calls: string[] } {
  const calls: string[] = [];
  const reservoir = new Reservoir(
    new Pool(64 * 1024, 64),
    32,
    () => calls.push("empty"),
    () => calls.push("refilled"),
  );
  return { reservoir, calls };
}

test("it is empty as soon as a chunk would not fit, and refilled when some more than one does", () => {
  const { reservoir, calls } = fresh();
  reservoir.changed(24);
  expect(reservoir.empty).toBe(false);
  reservoir.changed(1);
  expect(calls).toEqual(["empty"]);
  reservoir.changed(-4);
  expect(reservoir.empty).toBe(true);
  reservoir.changed(-1);
  expect(calls).toEqual(["empty", "refilled"]);
});

test("promised segments are not free for others", () => {
  const { reservoir, calls } = fresh();
  reservoir.changed(22);
  expect([reservoir.promise(), reservoir.promise(), reservoir.promise()]).toEqual([
    true,
    true,
    false,
  ]);
  expect(reservoir.free).toBe(8);
  reservoir.changed(1);
  expect(calls).toEqual(["empty"]);
  reservoir.redeem();
  reservoir.redeem();
  expect(reservoir.free).toBe(9);
});

test("promises that are redeemed refill what they had emptied", () => {
  const { reservoir, calls } = fresh();
  while (reservoir.promise());
  reservoir.changed(1);
  expect(calls).toEqual(["empty"]);
  for (let left = 24; left > 0; left--) reservoir.redeem();
  expect(calls).toEqual(["empty", "refilled"]);
});

test("two chunks have to fit, and nothing is redeemed that was not promised", () => {
  const nothing = () => {};
  const pool = new Pool(64 * 1024, 64);
  expect(() => new Reservoir(pool, 15, nothing, nothing)).toThrow("two chunks fit");
  expect(() => fresh().reservoir.redeem()).toThrow("a segment was promised");
});
