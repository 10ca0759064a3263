import { expect, test } from "bun:test";
import fc from "fast-check";
import { KEPT, Latencies, SPAN_MS } from "./latencies.ts";
import { relaySummary } from "./test-figures.ts";

/** A collector with a clock that a test sets. */
function collector(): { latencies: Latencies; at: (ms: number) => void } {
  let now = 0;
  const latencies = new Latencies(() => now);
  const at = (ms: number) => {
    now = ms;
  };
  return { latencies, at };
}

const none = { relays: 0, dialMs: null, firstByteMs: null };

test("none has ended", () => {
  expect(new Latencies().figures()).toEqual(none);
});

test("one, and one that never had an upstream", () => {
  const { latencies } = collector();
  latencies.relayEnded({ relay: relaySummary({ dialMs: null, firstByteMs: null }) });
  expect(latencies.figures()).toEqual({ ...none, relays: 1 });
  latencies.relayEnded({ relay: relaySummary({ dialMs: 2, firstByteMs: null }) });
  const dialMs = { p50: 2, p99: 2 };
  expect(latencies.figures()).toEqual({ relays: 2, dialMs, firstByteMs: null });
});

test("those that ended long ago are left out", () => {
  const { latencies, at } = collector();
  latencies.relayEnded({ relay: relaySummary({ dialMs: 1 }) });
  at(SPAN_MS);
  latencies.relayEnded({ relay: relaySummary({ dialMs: 5 }) });
  expect(latencies.figures()).toMatchObject({ relays: 2, dialMs: { p50: 1, p99: 5 } });
  at(SPAN_MS + 1);
  expect(latencies.figures()).toMatchObject({ relays: 1, dialMs: { p50: 5, p99: 5 } });
  at(3 * SPAN_MS);
  expect(latencies.figures()).toEqual(none);
});

test("the last ones stand for all, in any order", () => {
  const { latencies } = collector();
  for (let ms = 1; ms <= 3 * KEPT; ms++)
    latencies.relayEnded({ relay: relaySummary({ dialMs: ms }) });
  const dialMs = { p50: 2 * KEPT + KEPT / 2, p99: 2 * KEPT + Math.ceil(0.99 * KEPT) };
  expect(latencies.figures()).toMatchObject({ relays: KEPT, dialMs });
});

test("percentiles are values, and so many percent of the others do not exceed them", () => {
  const times = fc.array(fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(times, (all) => {
      const { latencies } = collector();
      for (const firstByteMs of all) latencies.relayEnded({ relay: relaySummary({ firstByteMs }) });
      const { relays, firstByteMs: found } = latencies.figures();
      expect(relays).toBe(all.length);
      const known = all.filter((one) => one !== null);
      if (found === null) return expect(known).toEqual([]);
      for (const [percent, value] of [
        [50, found.p50],
        [99, found.p99],
      ] as const) {
        expect(known).toContain(value);
        const share = (100 * known.filter((one) => one <= value).length) / known.length;
        const below = (100 * known.filter((one) => one < value).length) / known.length;
        expect(share).toBeGreaterThanOrEqual(percent);
        expect(below).toBeLessThan(percent);
      }
    }),
    { numRuns: 200 },
  );
});
