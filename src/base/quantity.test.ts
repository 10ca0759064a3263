import { expect, test } from "bun:test";
import {
  formatBandwidth,
  formatCount,
  formatDuration,
  formatMicros,
  formatSize,
  parseDuration,
  parseMicros,
  parseSize,
} from "./quantity.ts";

test.each<[string | number, number]>([
  ["500ms", 500],
  ["5s", 5_000],
  ["1.5s", 1_500],
  ["2m", 120_000],
  ["1h", 3_600_000],
  ["7", 7_000],
  [0.25, 250],
  ["0", 0],
  ["0s", 0],
  ["0.0001s", 1],
])("the duration %p is %i ms", (value, durationMs) => {
  expect(parseDuration(value)).toBe(durationMs);
});

test.each(["", " 5s", "5 s", "5S", "5d", "-1s", "1e3", ".5s", "5.", "s", "NaN", "Infinity"])(
  "%j is no duration",
  (value) => {
    expect(() => parseDuration(value)).toThrow(
      new Error(
        `"${value}": expected a duration such as 500ms, 5s, 2m or 1h, or a number of seconds`,
      ),
    );
  },
);

test("numbers that are no durations", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e21]) {
    expect(() => parseDuration(value)).toThrow(`${value}: expected a duration`);
  }
});

test.each<[string | number, number]>([
  ["50us", 50],
  ["50µs", 50],
  ["50\u03bcs", 50],
  ["1.5ms", 1_500],
  ["1s", 1_000_000],
  [0.0001, 100],
  ["0", 0],
  ["0.01us", 1],
])("the short duration %p is %i µs", (value, micros) => {
  expect(parseMicros(value)).toBe(micros);
});

test.each(["", "5m", "5 us", "-1us", "1e3", "5ns"])("%j is no short duration", (value) => {
  expect(() => parseMicros(value)).toThrow(
    new Error(`"${value}": expected a duration such as 50us, 5ms or 1s, or a number of seconds`),
  );
});

test("a duration in whole milliseconds knows no smaller unit", () => {
  expect(() => parseDuration("50us")).toThrow("expected a duration such as 500ms");
});

test("formatMicros", () => {
  expect([50, 1_500, 2_000, 1_000_000].map(formatMicros)).toEqual(["50us", "1500us", "2ms", "1s"]);
});

test.each<[string | number, number]>([
  ["4096", 4_096],
  [4096, 4_096],
  ["4096b", 4_096],
  ["64k", 65_536],
  ["64K", 65_536],
  ["64KiB", 65_536],
  ["64kib", 65_536],
  ["1m", 1_048_576],
  ["1MiB", 1_048_576],
  ["2GiB", 2_147_483_648],
])("the size %p is %i bytes", (value, bytes) => {
  expect(parseSize(value)).toBe(bytes);
});

test.each(["", "64KB", "64 KiB", "1.5k", "-1", "k", "0x10", "1e3", "64kk"])(
  "%j is no size",
  (value) => {
    expect(() => parseSize(value)).toThrow(
      new Error(`"${value}": expected a size such as 64KiB, 64k or 1MiB, or a number of bytes`),
    );
  },
);

test("formatDuration", () => {
  const texts = [0, 0.4, 850, 999.6, 1_000, 1_234.5, 59_999, 60_000, 125_000, 3_599_999, 7_320_000];
  expect(texts.map(formatDuration)).toEqual([
    "0ms",
    "0ms",
    "850ms",
    "1s",
    "1s",
    "1.23s",
    "60s",
    "1m",
    "2m 5s",
    "1h",
    "2h 2m",
  ]);
});

test("formatSize", () => {
  const sizes = [0, 1, 1_023, 1_024, 65_536, 1_048_575, 1_048_576, 5e9, 2 ** 50];
  expect(sizes.map(formatSize)).toEqual([
    "0 B",
    "1 B",
    "1023 B",
    "1 KiB",
    "64 KiB",
    "1 MiB",
    "1 MiB",
    "4.66 GiB",
    "1 PiB",
  ]);
});

test("formatBandwidth", () => {
  expect([0, 1, 124.99, 125, 124_999, 1.25e9].map(formatBandwidth)).toEqual([
    "0 bit/s",
    "8 bit/s",
    "1 kbit/s",
    "1 kbit/s",
    "1 Mbit/s",
    "10 Gbit/s",
  ]);
});

test("formatCount", () => {
  expect([0, 999, 1_000, 1_234_567.4].map(formatCount)).toEqual(["0", "999", "1,000", "1,234,567"]);
});
