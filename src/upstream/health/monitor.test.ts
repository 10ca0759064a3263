import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type EjectionOptions, ejectionDefaults } from "./check-options.ts";
import { type HealthEvent, UpstreamHealth } from "./monitor.ts";

const well = { ok: true, inconclusive: false, detail: "fine" };
const ill = { ok: false, inconclusive: false, detail: "bad" };
const unknown = { ok: false, inconclusive: true, detail: "no descriptor left" };

function health(rise = 2, fall = 3, ejection: EjectionOptions | null = ejectionDefaults) {
  return new UpstreamHealth({ rise, fall }, ejection);
}

/** The events as `from>to`, for comparing. */
const moves = (events: readonly HealthEvent[]) => events.map(({ from, to }) => `${from}>${to}`);

describe("checks", () => {
  test("one begins up, and down at its first check if that fails", () => {
    const one = health();
    expect(one.isOpen(0)).toBe(true);
    expect(one.checked(ill, 5)).toEqual([
      { at: 5, from: "up", to: "down", why: "a check failed: bad" },
    ]);
    expect(one.isOpen(5)).toBe(false);
  });

  test("after a success, fall failures in a row make it down and rise successes up", () => {
    const one = health(2, 3);
    expect(one.checked(well, 1)).toEqual([]);
    expect(one.isUnsettled).toBe(false);
    for (const outcome of [ill, ill, well, ill, ill]) {
      expect(one.checked(outcome, 2)).toEqual([]);
    }
    expect(one.isUnsettled).toBe(true);
    expect(one.checked(ill, 3)[0]?.why).toBe("3 checks failed: bad");
    for (const outcome of [well, ill, well]) expect(one.checked(outcome, 4)).toEqual([]);
    expect(one.isUnsettled).toBe(true);
    expect(one.checked(well, 5)).toEqual([
      { at: 5, from: "down", to: "up", why: "2 checks succeeded: fine" },
    ]);
    expect(one.isUnsettled).toBe(false);
  });

  test("an inconclusive one changes nothing", () => {
    const one = health(1, 2);
    expect(one.checked(unknown, 1)).toEqual([]);
    one.checked(well, 2);
    one.checked(ill, 3);
    one.checked(unknown, 4);
    expect(moves(one.checked(ill, 5))).toEqual(["up>down"]);
  });

  test("without checks it is up again", () => {
    const one = health();
    one.checked(ill, 1);
    expect(moves(one.uncheck(2))).toEqual(["down>up"]);
    expect(one.isAwaited).toBe(true);
  });

  test("what all addresses say together holds at once", () => {
    const one = health();
    expect(one.isAwaited).toBe(true);
    expect(one.concluded(true, "a: fine", 1)).toEqual([]);
    expect(one.hasPassed).toBe(true);
    expect(one.concluded(false, "a: bad", 2)).toEqual([
      { at: 2, from: "up", to: "down", why: "a: bad" },
    ]);
    expect([one.isAwaited, one.hasPassed]).toEqual([false, false]);
    expect(moves(one.concluded(true, "a: fine", 3))).toEqual(["down>up"]);
  });
});

describe("ejection", () => {
  test("three dials in a row that fail within ten seconds, for longer each time in a row", () => {
    const one = health();
    one.dialFailed(0);
    one.dialFailed(1);
    expect(one.dialFailed(10_000)).toEqual([
      {
        at: 10_000,
        from: "up",
        to: "ejected",
        why: "3 dials in a row failed; no new relays for 30 s",
      },
    ]);
    expect(one.ejectedUntilMs).toBe(40_000);
    expect(one.isOpen(39_999)).toBe(false);
    expect(one.isOpen(40_000)).toBe(true);
    expect(one.tick(39_999)).toEqual([]);
    expect(moves(one.tick(40_000))).toEqual(["ejected>up"]);
    expect(one.ejectedUntilMs).toBe(null);
    expect(one.dialFailed(70_000, 3)[0]?.why).toEndWith("for 60 s");
    // Long enough after that it is the first one again.
    expect(moves(one.dialFailed(190_001, 3))).toEqual(["ejected>up", "up>ejected"]);
    expect(one.ejectedUntilMs).toBe(220_001);
  });

  test("lasts no longer than the most", () => {
    const one = health();
    let now = 0;
    for (let round = 1; round <= 20; round++) {
      one.dialFailed(now, 5);
      expect(one.ejectedUntilMs).toBe(now + Math.min(300_000, round * 30_000));
      now = one.ejectedUntilMs as number;
      expect(moves(one.tick(now))).toEqual(["ejected>up"]);
    }
  });

  test("failures that are too far apart, or with a success between, do not eject", () => {
    const one = health();
    for (const at of [0, 5_000, 10_001, 16_000]) expect(one.dialFailed(at)).toEqual([]);
    one.dialed(16_001);
    expect(one.dialFailed(16_002, 2)).toEqual([]);
    expect(moves(one.dialFailed(16_003))).toEqual(["up>ejected"]);
  });

  test("an answer to a dial ends it, and nothing else of what it was", () => {
    const one = health();
    one.dialFailed(0, 3);
    expect(one.dialed(5_000)).toEqual([
      { at: 5_000, from: "ejected", to: "up", why: "a dial was answered" },
    ]);
    expect(one.ejectedUntilMs).toBe(null);
    expect(one.dialed(5_001)).toEqual([]);
    // It was the first in a row nevertheless.
    expect(one.dialFailed(5_002, 3)[0]?.why).toEndWith("for 60 s");
  });

  test("an answer does not make one up that its checks have found down", () => {
    const one = health(1, 1);
    one.dialFailed(0, 3);
    one.checked(ill, 1);
    expect(one.dialed(2)).toEqual([]);
    expect(one.status(2)).toBe("down");
  });

  test("checks that go on succeeding do not end it", () => {
    const one = health(1, 2);
    one.checked(well, 0);
    one.dialFailed(1, 3);
    for (let at = 2; at < 10; at++) expect(one.checked(well, at)).toEqual([]);
    expect(one.isOpen(10)).toBe(false);
  });

  test("coming up again after being down ends it", () => {
    const one = health(1, 2);
    one.checked(well, 0);
    one.dialFailed(1, 3);
    one.checked(ill, 2);
    expect(moves(one.checked(ill, 3))).toEqual(["ejected>down"]);
    expect(moves(one.checked(well, 4))).toEqual(["down>up"]);
    expect(one.isOpen(4)).toBe(true);
    // It was the first in a row nevertheless.
    expect(one.dialFailed(5, 3)[0]?.why).toEndWith("for 60 s");
  });

  test("ends silently while it is down", () => {
    const one = health(1, 1);
    one.dialFailed(0, 3);
    one.checked(ill, 1);
    expect(one.tick(30_000)).toEqual([]);
    expect(moves(one.checked(well, 30_001))).toEqual(["down>up"]);
  });

  test("can be off, and turned off", () => {
    expect(health(1, 1, null).dialFailed(0, 100)).toEqual([]);
    const one = health();
    one.dialFailed(0, 3);
    expect(moves(one.reconfigure({ rise: 1, fall: 1 }, null, 1))).toEqual(["ejected>up"]);
  });
});

/** What may happen, and how long after what happened before. */
const story = fc.array(
  fc.record({
    afterMs: fc.constantFrom(0, 1, 10, 100, 1_000),
    what: fc.oneof(
      fc.constantFrom("well", "ill", "unknown", "dialed", "tick"),
      fc.constantFrom(1, 1, 2, 5),
    ),
  }),
  { maxLength: 120, size: "max" },
);
const numbers = fc.record({
  rise: fc.integer({ min: 1, max: 4 }),
  fall: fc.integer({ min: 1, max: 4 }),
  failures: fc.integer({ min: 1, max: 4 }),
  withinMs: fc.constantFrom(1, 50, 2_000),
  baseMs: fc.constantFrom(1, 100, 1_000),
});

test("whatever happens, it is what its history says", () => {
  fc.assert(
    fc.property(numbers, story, ({ rise, fall, failures, withinMs, baseMs }, steps) => {
      const ejection = { failures, withinMs, baseMs, mostMs: 3 * baseMs };
      const one = new UpstreamHealth({ rise, fall }, ejection);
      /** All conclusive checks, and all dials since anything made them void. */
      const checks: boolean[] = [];
      let dials: number[] = [];
      let state = "up";
      let status = "up";
      let [ejectedAt, ejectedUntil] = [-1, -1];
      let now = 0;
      for (const { afterMs, what } of steps) {
        now += afterMs;
        const wasEjected = now < ejectedUntil;
        const before = state;
        if (what === "well" || what === "ill") {
          checks.push(what === "well");
          const run = checks.length - 1 - checks.lastIndexOf(what !== "well");
          const first = !checks.includes(true);
          if (state === "up" && what === "ill" && run >= (first ? 1 : fall)) state = "down";
          else if (state === "down" && what === "well" && run >= rise) state = "up";
          if (state !== before) dials = [];
          if (before === "down" && state === "up") ejectedUntil = Math.min(ejectedUntil, now);
        }
        if (what === "dialed") {
          dials = [];
          ejectedUntil = Math.min(ejectedUntil, now);
        }
        if (typeof what === "number" && state === "up" && !wasEjected) {
          for (let index = 0; index < what; index++) dials.push(now);
        }
        const events = tell(one, what, now);
        for (const { at, from, to, why } of events) {
          expect(at).toBe(now);
          expect(from).toBe(status as typeof from);
          expect(to).not.toBe(from);
          expect(why).not.toBe("");
          status = to;
        }
        const oldest = dials.at(-failures);
        const mustEject = state === "up" && oldest !== undefined && now - oldest <= withinMs;
        if (events.at(-1)?.to === "ejected") {
          expect(mustEject).toBe(true);
          ejectedUntil = one.ejectedUntilMs as number;
          expect(ejectedUntil - now).toBeGreaterThanOrEqual(baseMs);
          expect(ejectedUntil - now).toBeLessThanOrEqual(3 * baseMs);
          // It may come up again and be ejected again in the same moment.
          expect(now).toBeGreaterThanOrEqual(ejectedAt);
          ejectedAt = now;
          dials = [];
        } else {
          expect(mustEject).toBe(false);
        }
        expect(one.state).toBe(state as "up" | "down");
        expect(one.status(now)).toBe(status as "up" | "down" | "ejected");
        expect(one.status(now)).toBe(
          state === "down" ? "down" : now < ejectedUntil ? "ejected" : "up",
        );
        expect(one.isOpen(now)).toBe(status === "up");
      }
    }),
    { numRuns: Number(process.env.RINGWAY_FUZZ_RUNS ?? 2_000) },
  );
});

function tell(one: UpstreamHealth, what: string | number, now: number): readonly HealthEvent[] {
  if (typeof what === "number") return one.dialFailed(now, what);
  if (what === "well") return one.checked(well, now);
  if (what === "ill") return one.checked(ill, now);
  if (what === "unknown") return one.checked(unknown, now);
  return what === "dialed" ? one.dialed(now) : one.tick(now);
}
