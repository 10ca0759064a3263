import { expect, test } from "bun:test";
import { Deadlines } from "./deadlines.ts";
import { clockWith, TestClock } from "./test-clock.ts";

const MANY = 200;

/** The alarms of these tests never ring by themselves. */
class Alarms {
  readonly calls: (() => void)[] = [];
  readonly alarm = (_delayMs: number, call: () => void) => void this.calls.push(call);

  deadlines(onExpired: (item: object) => void = () => {}): Deadlines<object> {
    return new Deadlines(0, onExpired, clockWith(this.alarm));
  }
}

/** Many deadlines that nobody holds but their alarms. */
function forgotten(alarms: Alarms, isWaiting: boolean): WeakRef<Deadlines<object>>[] {
  return Array.from({ length: MANY }, () => {
    const deadlines = alarms.deadlines();
    const item = {};
    deadlines.add(item);
    if (!isWaiting) deadlines.delete(item);
    return new WeakRef(deadlines);
  });
}

/** How many of them are still there. */
async function left(refs: readonly WeakRef<object>[]): Promise<number> {
  // What a turn has made or seen is kept until its end.
  await new Promise(setImmediate);
  Bun.gc(true);
  return refs.filter((ref) => ref.deref() !== undefined).length;
}

test("an alarm holds its deadlines only while something waits", async () => {
  const alarms = new Alarms();
  const empty = forgotten(alarms, false);
  const waiting = forgotten(alarms, true);
  // A few may still be seen on the stack.
  expect(await left(empty)).toBeLessThan(MANY / 10);
  expect(await left(waiting)).toBe(MANY);
  expect(alarms.calls.length).toBe(2 * MANY);
});

test("what is added after everything else was deleted expires by the alarm that is left", () => {
  const alarms = new Alarms();
  const expired: object[] = [];
  const deadlines = alarms.deadlines((item) => expired.push(item));
  const [first, second, third] = [{}, {}, {}];
  deadlines.add(first);
  deadlines.delete(first);
  deadlines.add(second);
  expect(alarms.calls.length).toBe(1);
  alarms.calls[0]?.();
  expect(expired).toEqual([second]);
  // None is set any more.
  deadlines.add(third);
  expect(alarms.calls.length).toBe(2);
});

test("an alarm that finds nothing waiting counts as set no longer", () => {
  const alarms = new Alarms();
  const expired: object[] = [];
  const deadlines = alarms.deadlines((item) => expired.push(item));
  const [first, second] = [{}, {}];
  deadlines.add(first);
  deadlines.delete(first);
  alarms.calls[0]?.();
  deadlines.add(second);
  expect(alarms.calls.length).toBe(2);
  alarms.calls[1]?.();
  expect(expired).toEqual([second]);
});

test("a span that no timer understands is waited for in parts", () => {
  using clock = new TestClock();
  const expired: object[] = [];
  const spanMs = 30 * 24 * 3_600_000;
  const delays: number[] = [];
  const alarm = (delayMs: number, call: () => void) => {
    delays.push(delayMs);
    clock.alarm(delayMs, call);
  };
  const deadlines = new Deadlines<object>(spanMs, (item) => expired.push(item), {
    now: () => clock.now(),
    wall: () => clock.wall(),
    alarm,
  });
  deadlines.add({});
  clock.pass(spanMs - 1);
  expect(expired).toHaveLength(0);
  clock.pass(1);
  expect(expired).toHaveLength(1);
  expect(Math.max(...delays)).toBeLessThan(2 ** 31);
});
