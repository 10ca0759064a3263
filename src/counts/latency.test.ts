import { expect, test } from "bun:test";
import { bucketOf, countOf, LATENCY_BOUNDS_MS, LATENCY_BUCKETS, quantile } from "./latency.ts";

function histogram(...times: number[]): number[] {
  const buckets = new Array<number>(LATENCY_BUCKETS).fill(0);
  for (const time of times) (buckets[bucketOf(time)] as number)++;
  return buckets;
}

test("a bound belongs to its own bucket, and what exceeds all of them to the last one", () => {
  for (const [bucket, bound] of LATENCY_BOUNDS_MS.entries()) {
    expect(bucketOf(bound)).toBe(bucket);
    expect(bucketOf(bound * 1.001)).toBe(bucket + 1);
  }
  expect(bucketOf(0)).toBe(0);
  expect(bucketOf(Infinity)).toBe(LATENCY_BUCKETS - 1);
});

test("a quantile is within the bucket where it lies", () => {
  const hundred = histogram(...new Array<number>(98).fill(0.3), 7, 7);
  expect(countOf(hundred)).toBe(100);
  expect(quantile(hundred, 0.5)).toBeCloseTo(0.2 + 0.3 * (50 / 98));
  expect(quantile(hundred, 0.99)).toBeCloseTo(7.5);
  expect(quantile(hundred, 1)).toBe(10);
});

test("without times there is none, and above all bounds it is the last one", () => {
  expect(quantile(histogram(), 0.99)).toBeNull();
  expect(quantile([], 0.5)).toBeNull();
  expect(quantile(histogram(5_000), 0.5)).toBe(1_000);
});
