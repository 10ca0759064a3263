import { expect, test } from "bun:test";
import { TestClock } from "../../base/test-clock.ts";
import { MirrorAccount } from "./account.ts";
import { Mirror } from "./mirror.ts";

function mirror(clock: TestClock, percent = 100): Mirror {
  const address = { kind: "tcp", host: "m", port: 9 } as const;
  const account = new MirrorAccount("a", "m:9");
  return new Mirror({ address, bufferSize: 4096, percent }, 1_000, account, clock);
}

/** Milliseconds until it is dialled again. */
function pauseOf(one: Mirror, clock: TestClock): number {
  const since = clock.now();
  while (one.isPaused) clock.pass(50);
  return clock.now() - since;
}

test("a mirror that cannot be reached is left alone for longer and longer", () => {
  using clock = new TestClock();
  const one = mirror(clock);
  expect(one.isPaused).toBe(false);
  const pauses = Array.from({ length: 9 }, () => {
    one.failed();
    return pauseOf(one, clock);
  });
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  one.answered();
  one.failed();
  expect(pauseOf(one, clock)).toBe(100);
});

test("dials that have failed together count once", () => {
  using clock = new TestClock();
  const one = mirror(clock);
  for (let index = 0; index < 1_000; index++) one.failed();
  expect(pauseOf(one, clock)).toBe(100);
});

test("an answer ends the pause", () => {
  using clock = new TestClock();
  const one = mirror(clock);
  one.failed();
  one.answered();
  expect(one.isPaused).toBe(false);
});

test("of a hundred percent every relay is picked", () => {
  using clock = new TestClock();
  const all = mirror(clock);
  expect(Array.from({ length: 1_000 }, () => all.picks)).not.toContain(false);
  const few = mirror(clock, 1);
  const picked = Array.from({ length: 10_000 }, () => few.picks).filter((one) => one).length;
  // 100 are expected; less than 40 or more than 200 never happens.
  expect(picked).toBeWithin(40, 200);
});
