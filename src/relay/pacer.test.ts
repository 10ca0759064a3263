import { expect, test } from "bun:test";
import fc from "fast-check";
import { Clock } from "../../test/kernel/clock.ts";
import { clockWith } from "../base/test-clock.ts";
import { Pacer } from "./pacer.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Alarms that ring when a test lets time pass. */
class Alarms {
  readonly clock = new Clock();
  set = 0;
  private due: { at: number; call: () => void }[] = [];

  readonly alarm = (delayMs: number, call: () => void): void => {
    this.set++;
    this.due.push({ at: this.clock.now + delayMs, call });
  };

  get waiting(): number {
    return this.due.length;
  }

  /** Lets so many milliseconds pass, with every alarm at its time. */
  pass(ms: number): void {
    const until = this.clock.now + ms;
    for (;;) {
      const next = this.due.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until) break;
      this.due = this.due.filter((one) => one !== next);
      this.clock.now = Math.max(this.clock.now, next.at);
      next.call();
    }
    this.clock.now = until;
  }
}

/** Runs with a pacer of that rate on a clock of its own. */
function withPacer(rate: number, run: (pacer: Pacer, alarms: Alarms) => void): void {
  const alarms = new Alarms();
  alarms.clock.during(() => run(new Pacer(rate, clockWith(alarms.alarm)), alarms));
}

test("no rate, no pacer", () => {
  expect(Pacer.of(0)).toBeNull();
  expect(Pacer.of(KIB)).not.toBeNull();
});

test.each([
  [KIB, 16 * KIB],
  [64 * KIB, 16 * KIB],
  [MIB, 256 * KIB],
  [16 * MIB, 4 * MIB],
  [1024 * MIB, 4 * MIB],
])("at %i bytes per second a burst is %i", (rate, burst) => {
  withPacer(rate, (pacer) => {
    expect(pacer.begin(() => {}).allowance()).toBe(burst);
  });
});

test("a flow without credit rests, and hears when that is over", () => {
  withPacer(100 * KIB, (pacer, alarms) => {
    let rested = 0;
    const pacing = pacer.begin(() => rested++);
    pacing.used(pacing.allowance());
    expect(pacing.isResting).toBe(false);
    expect([pacing.allowance(), pacing.isResting]).toEqual([0, true]);
    expect(pacing.allowance()).toBe(0);
    alarms.pass(20);
    expect([pacing.isResting, rested]).toEqual([true, 0]);
    alarms.pass(2);
    expect([pacing.isResting, rested, alarms.waiting]).toEqual([false, 1, 0]);
    expect(pacing.allowance()).toBeWithin(2 * KIB, 2.5 * KIB);
  });
});

test("a debt prolongs the rest", () => {
  withPacer(100 * KIB, (pacer, alarms) => {
    let rested = 0;
    const pacing = pacer.begin(() => rested++);
    pacing.used(125 * KIB);
    pacing.allowance();
    alarms.pass(1_000);
    expect([pacing.isResting, rested]).toEqual([true, 0]);
    alarms.pass(50);
    expect([pacing.isResting, rested]).toEqual([false, 1]);
  });
});

test("one alarm is enough for all", () => {
  withPacer(100 * KIB, (pacer, alarms) => {
    let rested = 0;
    for (let i = 0; i < 1_000; i++) {
      const pacing = pacer.begin(() => rested++);
      pacing.used(25 * KIB);
      pacing.allowance();
    }
    expect(alarms.waiting).toBe(1);
    alarms.pass(25);
    expect([rested, alarms.waiting, alarms.set]).toEqual([1_000, 0, 1]);
  });
});

test("a flow that has ended hears nothing", () => {
  withPacer(100 * KIB, (pacer, alarms) => {
    let rested = 0;
    const pacing = pacer.begin(() => rested++);
    pacing.used(25 * KIB);
    pacing.allowance();
    pacing.end();
    alarms.pass(1_000);
    expect([pacing.isResting, rested]).toEqual([false, 0]);
  });
});

test("the rate holds for any rate and sizes, and no flow waits in vain", () => {
  const rates = fc.integer({ min: KIB, max: 1024 * MIB });
  const sizes = fc.array(fc.integer({ min: 1, max: MIB }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(rates, sizes, (rate, pieces) => {
      // A second in small pieces has too many of them at high rates.
      fc.pre(Math.min(...pieces) * 32_000 > rate);
      withPacer(rate, (pacer, alarms) => {
        const burst = Math.min(4 * MIB, Math.max(16 * KIB, rate / 4));
        const startedAt = alarms.clock.now;
        let carried = 0;
        let turn = 0;
        const pacing = pacer.begin(() => go());
        const go = () => {
          for (;;) {
            const most = pacing.allowance();
            if (most === 0) return;
            const size = Math.min(most, pieces[turn++ % pieces.length] as number);
            pacing.used(size);
            carried += size;
          }
        };
        go();
        alarms.pass(1_000);
        const seconds = (alarms.clock.now - startedAt) / 1_000;
        expect(carried).toBeLessThanOrEqual(burst + rate * seconds);
        expect(carried).toBeGreaterThanOrEqual(rate * seconds * 0.95);
      });
    }),
    { numRuns: 200 },
  );
});
