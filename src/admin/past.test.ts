import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { statistics } from "../observe/statistics.ts";
import { engineStats } from "../observe/test-figures.ts";
import { EVERY_MS, Past } from "./past.ts";

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

test("the last hour is kept, and no more", () => {
  const past = new Past();
  let seconds = 0;
  past.begin(() => {
    const relays = { accepted: 10 * seconds, running: seconds, ended: 0, reasons: {} };
    const totals = statistics(engineStats({ durationMs: 1_000 * seconds, relays }), [], []);
    seconds += 5;
    return {
      pid: 1,
      startedAt: 0,
      totals,
      latency: { relays: 0, dialMs: null, firstByteMs: null },
    };
  });
  expect(past.samples).toEqual([]);
  jest.advanceTimersByTime(EVERY_MS);
  expect(past.samples).toMatchObject([{ running: 0, accepted: null }]);
  jest.advanceTimersByTime(EVERY_MS);
  expect(past.samples.at(-1)).toMatchObject({ running: 5, accepted: 10 });
  jest.advanceTimersByTime(1_000 * EVERY_MS);
  expect(past.samples).toHaveLength(720);
  expect(past.samples.at(-1)).toMatchObject({ running: 5_005, accepted: 10 });
  past.stop();
  jest.advanceTimersByTime(EVERY_MS);
  expect(past.samples.at(-1)).toMatchObject({ running: 5_005 });
});
