import { expect, test } from "bun:test";
import { Histogram } from "./histogram.ts";

test("percentiles of 1…10,000 µs are right to within a bucket", () => {
  const histogram = new Histogram();
  for (let micros = 1; micros <= 10_000; micros++) histogram.record(micros / 1_000);
  for (const percent of [1, 50, 90, 99, 99.9]) {
    const right = percent / 10;
    expect(Math.abs(histogram.percentileMs(percent) / right - 1)).toBeLessThan(0.01);
  }
  expect(histogram.percentileMs(100)).toBeCloseTo(10, 1);
  expect(histogram.maxMs).toBe(10);
  expect(histogram.count).toBe(10_000);
});

test("holds what is very short, very long and not possible", () => {
  const histogram = new Histogram();
  histogram.record(-1);
  expect(histogram.percentileMs(50)).toBe(0);
  histogram.record(3_600_000);
  expect(histogram.maxMs).toBe(3_600_000);
  expect(histogram.percentileMs(100)).toBeGreaterThan(400_000);
});

test("nothing was recorded", () => {
  expect(new Histogram().percentileMs(99)).toBe(0);
});

test("two histograms are added, after a journey as JSON", () => {
  const [one, other] = [new Histogram(), new Histogram()];
  for (let ms = 1; ms <= 50; ms++) one.record(ms);
  for (let ms = 51; ms <= 100; ms++) other.record(ms);
  const sum = new Histogram();
  sum.add(JSON.parse(JSON.stringify(one.data())));
  sum.add(JSON.parse(JSON.stringify(other.data())));
  expect(sum.count).toBe(100);
  expect(Math.abs(sum.percentileMs(50) / 50 - 1)).toBeLessThan(0.01);
  expect(sum.maxMs).toBe(100);
});
