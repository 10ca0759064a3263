import { expect, test } from "bun:test";
import fc from "fast-check";
import { Pace } from "./pace.ts";

test("a burst at first, then the rate", () => {
  const pace = new Pace({ bytesPerSecond: 1_000, burstBytes: 500, chunkBytes: 100 });
  expect(pace.allowance(0)).toBe(500);
  pace.used(500, 0);
  expect(pace.allowance(0)).toBe(0);
  expect(pace.waitMs(0)).toBe(100);
  expect(pace.allowance(50)).toBe(50);
  expect(pace.waitMs(50)).toBe(50);
  expect(pace.waitMs(100)).toBe(0);
  expect(pace.allowance(100)).toBe(100);
});

test("a rest is worth a burst, however long", () => {
  const pace = new Pace({ bytesPerSecond: 1_000, burstBytes: 500, chunkBytes: 100 });
  pace.used(500, 0);
  expect(pace.allowance(1e12)).toBe(500);
  pace.used(500, 1e12);
  expect(pace.allowance(1e12 + 1)).toBe(1);
});

test("bytes received beyond it become a debt", () => {
  const pace = new Pace({ bytesPerSecond: 1_000, burstBytes: 500, chunkBytes: 100 });
  pace.used(1_500, 0);
  expect(pace.allowance(0)).toBe(0);
  expect(pace.waitMs(0)).toBe(1_100);
  expect(pace.allowance(1_000)).toBe(0);
  expect(pace.allowance(1_100)).toBe(100);
});

test("a clock that goes back brings nothing", () => {
  const pace = new Pace({ bytesPerSecond: 1_000, burstBytes: 500, chunkBytes: 100 });
  pace.used(500, 1_000);
  expect(pace.allowance(0)).toBe(0);
  expect(pace.allowance(1_000)).toBe(0);
  expect(pace.allowance(1_010)).toBe(10);
});

test("invalid options are a defect", () => {
  for (const bytesPerSecond of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new Pace({ bytesPerSecond, burstBytes: 1, chunkBytes: 1 })).toThrow(
      "bytesPerSecond",
    );
  }
  expect(() => new Pace({ bytesPerSecond: 1, burstBytes: 0, chunkBytes: 1 })).toThrow("burstBytes");
  expect(() => new Pace({ bytesPerSecond: 1, burstBytes: 1, chunkBytes: 2 })).toThrow("chunkBytes");
});

/** A 50th of a second's worth, within bounds. */
function chunkOf(bytesPerSecond: number, burstBytes: number): number {
  return Math.min(burstBytes, Math.max(1_024, Math.floor(bytesPerSecond / 50)));
}

/** An engine that takes what it may, in chunks of up to `most`, and wakes up to `lateMs` late. */
function relayFor(pace: Pace, durationMs: number, most: number, lateMs: () => number): number {
  let received = 0;
  let now = 0;
  while (now < durationMs) {
    const wait = pace.waitMs(now);
    if (wait > 0) {
      now += wait + lateMs();
      continue;
    }
    const bytes = Math.min(pace.allowance(now), most);
    pace.used(bytes, now);
    received += bytes;
  }
  return received;
}

test.each([
  ["1 kB/s", 1_000, 4_096, 1e9],
  ["100 kB/s", 100_000, 65_536, 1e9],
  ["1 MB/s in small pieces", 1_000_000, 262_144, 1_500],
  ["1 GB/s", 1_000_000_000, 64 * 2 ** 20, 1_048_576],
  ["a third of a byte more", 100_000 + 1 / 3, 65_536, 1e9],
])("the long-term rate is exact: %s", (_, bytesPerSecond, burstBytes, most) => {
  const chunkBytes = chunkOf(bytesPerSecond, burstBytes);
  const pace = new Pace({ bytesPerSecond, burstBytes, chunkBytes });
  let seed = 1;
  const late = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return (seed % 3_000) / 1_000;
  };
  const seconds = bytesPerSecond > 1e6 ? 30 : 600;
  const received = relayFor(pace, seconds * 1_000, most, late);
  expect((received - burstBytes) / seconds / bytesPerSecond).toBeWithin(0.99, 1.01);
});

test("a million small steps do not add up to an error", () => {
  const pace = new Pace({ bytesPerSecond: 1_234_567, burstBytes: 65_536, chunkBytes: 1_024 });
  // As fine as a clock may be, after a month of uptime.
  let now = 2.6e9;
  const began = now;
  pace.used(pace.allowance(now), now);
  let received = 0;
  for (let step = 0; step < 1_000_000; step++) {
    now += 0.0137;
    const bytes = pace.allowance(now);
    pace.used(bytes, now);
    received += bytes;
  }
  const exact = ((now - began) * 1_234_567) / 1_000;
  expect(Math.abs(received - exact)).toBeLessThan(2);
});

test("is never above what a bucket may have given, and waits as long as it must", () => {
  const step = fc.record({
    sleepMs: fc.nat({ max: 5_000 }),
    share: fc.double({ min: 0, max: 1.5, noNaN: true }),
  });
  const options = fc.record({
    bytesPerSecond: fc.integer({ min: 1, max: 10_000_000 }),
    burstBytes: fc.integer({ min: 1, max: 1_000_000 }),
  });
  fc.assert(
    fc.property(options, fc.array(step, { maxLength: 60 }), (drawn, steps) => {
      const { bytesPerSecond, burstBytes } = drawn;
      const chunk = chunkOf(bytesPerSecond, burstBytes);
      const pace = new Pace({ ...drawn, chunkBytes: chunk });
      // The model: what is missing in the bucket, in thousandths of a byte: whole numbers.
      let missing = 0;
      let now = 0;
      for (const { sleepMs, share } of steps) {
        now += sleepMs;
        missing = Math.max(0, missing - sleepMs * bytesPerSecond);
        const expected = Math.max(0, burstBytes - missing / 1_000);
        const allowed = pace.allowance(now);
        expect(Math.abs(allowed - expected)).toBeLessThan(1.001);
        expect(allowed).toBeLessThanOrEqual(burstBytes);
        const bytes = Math.floor(allowed * share);
        pace.used(bytes, now);
        missing += bytes * 1_000;
      }
      const wait = pace.waitMs(now);
      if (wait > 0) {
        // One byte for rounding.
        expect(pace.allowance(now + wait)).toBeGreaterThanOrEqual(chunk - 1);
        expect((wait - 1) * bytesPerSecond).toBeLessThan((chunk + 1) * 1_000 + missing);
      }
    }),
    { numRuns: 500 },
  );
});
