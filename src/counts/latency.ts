/**
 * The buckets of a histogram of times: milliseconds, each the most that counts there. Longer times have a bucket of
 * their own at the end. They are few, as each command of each listener has two histograms.
 */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1_000,
];

/** How many buckets there are. */
export const LATENCY_BUCKETS = LATENCY_BOUNDS_MS.length + 1;

/** The bucket of a time. */
export function bucketOf(milliseconds: number): number {
  let bucket = 0;
  while (bucket < LATENCY_BOUNDS_MS.length && milliseconds > (LATENCY_BOUNDS_MS[bucket] as number))
    bucket++;
  return bucket;
}

/** How many times a histogram has. */
export function countOf(buckets: readonly number[]): number {
  let count = 0;
  for (const one of buckets) count += one;
  return count;
}

/**
 * The time that this part of all times does not exceed, taken evenly within its bucket. A time above all bounds counts
 * as the last one.
 *
 * @param part 0…1
 * @returns milliseconds; null without any times
 */
export function quantile(buckets: readonly number[], part: number): number | null {
  const count = countOf(buckets);
  if (count === 0) return null;
  let left = part * count;
  for (const [bucket, above] of LATENCY_BOUNDS_MS.entries()) {
    const here = buckets[bucket] ?? 0;
    const below = LATENCY_BOUNDS_MS[bucket - 1] ?? 0;
    if (here > 0 && left <= here) return below + ((above - below) * left) / here;
    left -= here;
  }
  return LATENCY_BOUNDS_MS.at(-1) as number;
}
