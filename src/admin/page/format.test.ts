import { expect, test } from "bun:test";
import * as format from "./format.ts";

test("bytes", () => {
  const all = [0, 1_023, 1_024, 1_536, 1_048_576, 5 * 2 ** 40, 2 ** 62];
  expect(all.map(format.bytes)).toEqual([
    "0 B",
    "1,023 B",
    "1 KiB",
    "1.5 KiB",
    "1 MiB",
    "5 TiB",
    "4,096 PiB",
  ]);
});

test("counts, rates and shares", () => {
  expect([0, 1_234_567].map(format.count)).toEqual(["0", "1,234,567"]);
  expect([0, 0.25, 9.96, 12.4].map(format.rate)).toEqual(["0", "0.3", "10", "12"]);
  expect(format.percent(1, 3)).toBe("33.3 %");
  expect(format.percent(0, 0)).toBe("0 %");
});

test("latencies", () => {
  const all = [0, 0.004, 0.042, 0.99, 0.996, 3.25, 9.96, 340.4, 999.4, 1_234];
  expect(all.map(format.latency)).toEqual([
    "0 ms",
    "0 ms",
    "0.04 ms",
    "0.99 ms",
    "1 ms",
    "3.3 ms",
    "10 ms",
    "340 ms",
    "999 ms",
    "1.2 s",
  ]);
});

test("durations", () => {
  const all = [0, 999, 1_000, 59_940, 60_000, 80_500, 3_600_000, 5_400_000, 90_000_000];
  expect(all.map(format.duration)).toEqual([
    "0 ms",
    "999 ms",
    "1 s",
    "59.9 s",
    "1 min",
    "1 min 20 s",
    "1 h",
    "1 h 30 min",
    "1 d 1 h",
  ]);
});

test("days that are left", () => {
  const now = Date.UTC(2026, 0, 1);
  const day = 86_400_000;
  const all = [-1, 0, 1, day - 1, day, 2.5 * day, 2_000 * day];
  expect(all.map((ms) => format.daysUntil(now + ms, now))).toEqual([
    "expired",
    "expired",
    "less than a day left",
    "less than a day left",
    "1 day left",
    "2 days left",
    "2,000 days left",
  ]);
});
