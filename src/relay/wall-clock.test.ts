import { afterEach, expect, setSystemTime, test } from "bun:test";
import { wallTime } from "./wall-clock.ts";

afterEach(() => void setSystemTime());

test("a moment has the same time whenever it is asked for", async () => {
  const moment = performance.now();
  const time = wallTime(moment);
  expect(Math.abs(time - Date.now())).toBeLessThan(1_000);
  await Bun.sleep(30);
  expect(wallTime(moment)).toBe(time);
});

test.each([
  ["forward", 3_600_000],
  ["back", -3_600_000],
] as const)("the clock is set %s: later times agree with it", (_, byMs) => {
  const moment = performance.now();
  const before = wallTime(moment);
  setSystemTime(new Date(Date.now() + byMs));
  const moved = wallTime(moment) - before;
  expect(Math.abs(moved - byMs)).toBeLessThan(1_000);
});
