import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { Drain } from "./drain.ts";

const WINDOW_MS = 10_000;

class Relay {
  movedBytes = 0;
  isCarrying = false;

  constructor(
    readonly name: number,
    private readonly running: Set<Relay>,
    private readonly retired: number[],
  ) {
    running.add(this);
  }

  retire(): void {
    this.running.delete(this);
    this.retired.push(this.name);
  }
}

let now = 0;
let calls: { at: number; call: () => void }[] = [];
const realNow = performance.now;

/** A clock of our own, as a drain asks `performance.now`. */
beforeEach(() => {
  now = 1_000;
  calls = [];
  performance.now = () => now;
});

afterEach(() => {
  performance.now = realNow;
  jest.restoreAllMocks();
});

const alarm = (delayMs: number, call: () => void) => calls.push({ at: now + delayMs, call });

function pass(ms: number, meanwhile: () => void = () => {}): void {
  const until = now + ms;
  for (;;) {
    const due = calls.findIndex(({ at }) => at <= until);
    const [next] = due === -1 ? [] : calls.splice(due, 1);
    if (next === undefined) break;
    now = next.at;
    meanwhile();
    next.call();
  }
  now = until;
}

function crowd(count: number) {
  const running = new Set<Relay>();
  const retired: number[] = [];
  const relays = Array.from({ length: count }, (_, name) => new Relay(name, running, retired));
  new Drain(running, WINDOW_MS, alarm);
  return { running, retired, relays };
}

test("idle relays end evenly over the window", () => {
  const { retired } = crowd(100);
  pass(WINDOW_MS / 2);
  // Of the nine seconds over which they are spread.
  expect(retired.length).toBeGreaterThanOrEqual(53);
  expect(retired.length).toBeLessThanOrEqual(57);
  pass(WINDOW_MS / 2);
  expect(retired.length).toBeGreaterThanOrEqual(98);
});

test("all of them in time for an answer", () => {
  const { retired } = crowd(7);
  pass(WINDOW_MS - 900);
  expect(retired.length).toBe(7);
});

test("a single one as soon as it is known to be idle", () => {
  const { retired } = crowd(1);
  pass(900);
  expect(retired).toEqual([]);
  pass(200);
  expect(retired).toEqual([0]);
});

test("whoever becomes idle at last ends, too", () => {
  const { relays, retired } = crowd(2);
  let ticks = 0;
  pass(WINDOW_MS, () => {
    if (++ticks < 85) for (const relay of relays) relay.movedBytes++;
  });
  expect(retired.sort()).toEqual([0, 1]);
});

test("none that moves, or carries bytes, ends", () => {
  const { relays, retired } = crowd(4);
  const [moving, carrying] = relays as [Relay, Relay, Relay, Relay];
  carrying.isCarrying = true;
  pass(WINDOW_MS, () => {
    moving.movedBytes++;
  });
  expect(retired.sort()).toEqual([2, 3]);
});

test("a thread that stood still takes nobody for idle", () => {
  const { relays, retired } = crowd(4);
  const move = () => {
    for (const relay of relays) relay.movedBytes++;
  };
  pass(WINDOW_MS / 2, move);
  now += 3_000;
  for (const due of calls) due.at = now;
  pass(200);
  expect(retired).toEqual([]);
  pass(1_000, move);
  expect(retired).toEqual([]);
});

test("the longest idle ends first", () => {
  const { relays, retired } = crowd(10);
  // The later its number, the longer ago it moved.
  let ticks = 0;
  pass(WINDOW_MS / 2, () => {
    ticks++;
    for (const { name } of relays) {
      const relay = relays[name] as Relay;
      if (ticks <= 10 - name) relay.movedBytes++;
    }
  });
  expect(retired.slice(0, 3)).toEqual([9, 8, 7]);
});

test("those that end by themselves count", () => {
  const { relays, running, retired } = crowd(100);
  for (const relay of relays.slice(0, 60)) running.delete(relay);
  pass(WINDOW_MS / 2);
  expect(retired).toEqual([]);
  pass(WINDOW_MS / 4);
  // At 7.5 of nine seconds 84 are due.
  expect(retired.length).toBeGreaterThanOrEqual(22);
  expect(retired.length).toBeLessThanOrEqual(25);
});
