import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { clockWith } from "../../base/test-clock.ts";
import { Drain } from "./drain.ts";

const WINDOW_MS = 10_000;

class Relay {
  movedBytes = 0;
  clientBytes = 0;
  isCarrying = false;
  awaitsAnswer = false;

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

function crowd(count: number, windowMs = WINDOW_MS) {
  const running = new Set<Relay>();
  const retired: number[] = [];
  const relays = Array.from({ length: count }, (_, name) => new Relay(name, running, retired));
  const drain = new Drain(running, windowMs, clockWith(alarm));
  return { drain, running, retired, relays };
}

test("idle relays end evenly from the first second on, all of them 2 s before the window does", () => {
  const { retired } = crowd(100);
  pass(900);
  expect(retired).toEqual([]);
  pass(3_600);
  expect(retired.length).toBeGreaterThanOrEqual(48);
  expect(retired.length).toBeLessThanOrEqual(52);
  pass(3_000);
  expect(retired.length).toBeLessThanOrEqual(95);
  pass(500);
  expect(retired.length).toBe(100);
});

test("no look ends more than its share", () => {
  const { retired } = crowd(100);
  let [before, most] = [0, 0];
  pass(8_100, () => {
    most = Math.max(most, retired.length - before);
    before = retired.length;
  });
  expect(most).toBeLessThanOrEqual(3);
});

test("a single one ends as soon as it is known to be idle", () => {
  const { retired } = crowd(1);
  pass(999);
  expect(retired).toEqual([]);
  pass(1);
  expect(retired).toEqual([0]);
});

test("the last one is not waited for when the others have gone", () => {
  const { relays, running, retired } = crowd(100);
  for (const relay of relays.slice(1)) running.delete(relay);
  pass(1_000);
  expect(retired).toEqual([0]);
  expect(running.size).toBe(0);
});

test("with less time the pace is another, from then on", () => {
  const { drain, retired } = crowd(100, 100_000);
  pass(3_000);
  expect(retired.length).toBeLessThanOrEqual(4);
  drain.limit(2_000);
  pass(500);
  expect(retired.length).toBeGreaterThanOrEqual(30);
  expect(retired.length).toBeLessThanOrEqual(45);
  pass(1_100);
  expect(retired.length).toBe(100);
  expect(calls.length).toBeLessThanOrEqual(1);
});

test.each([50, 200, 1_000, 3_000, 60_000])(
  "all have a quarter of %i ms, or 2 s, to answer",
  (windowMs) => {
    const { retired } = crowd(30, windowMs);
    pass(windowMs * 0.75 - 1);
    if (windowMs <= 1_000) expect(retired).toEqual([]);
    // The look that is due may come a little later.
    pass(Math.max(1, windowMs / 4 - 2_000) + Math.max(3, windowMs / 50));
    expect(retired.length).toBe(30);
  },
);

test("a window of a day is spread over a day", () => {
  const hour = 3_600_000;
  const { retired } = crowd(4, 24 * hour);
  const counts = [1, 6, 6, 6, 4.9].map((hours) => {
    pass(hours * hour);
    return retired.length;
  });
  expect(counts).toEqual([1, 2, 3, 4, 4]);
});

test("those that become idle late share what is left, and end at once near its end", () => {
  const { relays, retired } = crowd(40);
  const move = () => {
    for (const relay of relays.slice(0, 20)) relay.movedBytes++;
  };
  pass(5_000, move);
  const before = retired.length;
  expect(before).toBeGreaterThanOrEqual(18);
  expect(before).toBeLessThanOrEqual(20);
  const stillBusy = relays.slice(0, 10);
  pass(3_200, () => {
    for (const relay of stillBusy) relay.movedBytes++;
  });
  expect(retired.filter((name) => name >= 10).length).toBe(30);
  pass(1_100);
  expect(retired.length).toBe(40);
});

test("after a time without idle relays none ends faster", () => {
  const { relays, retired } = crowd(70);
  const move = () => {
    for (const relay of relays) relay.movedBytes++;
  };
  pass(4_000, move);
  pass(1_100);
  expect(retired.length).toBeLessThanOrEqual(6);
  pass(2_950);
  expect(retired.length).toBe(70);
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

test("an answer that comes in parts is not cut short in the last seconds", () => {
  const { relays, retired } = crowd(2);
  const [inParts, pausing] = relays as [Relay, Relay];
  const go = () => {
    const turn = Math.round(now / 100) % 5;
    inParts.clientBytes = 1;
    for (const relay of relays) if (turn < 2) relay.movedBytes++;
    // This one asks at one look and is answered at the next.
    if (turn === 0) pausing.clientBytes++;
    pausing.awaitsAnswer = turn === 0;
  };
  pass(WINDOW_MS, go);
  expect(retired).toEqual([1]);
});

test("relays that got no answer are spread over the remaining time", () => {
  const { relays, retired } = crowd(20);
  for (const relay of relays) relay.awaitsAnswer = true;
  pass(9_000);
  const first = retired.length;
  pass(250);
  const second = retired.length;
  expect(first).toBeLessThanOrEqual(5);
  expect(second - first).toBeGreaterThanOrEqual(5);
  expect(second).toBeLessThanOrEqual(15);
  pass(350);
  expect(retired.length).toBe(20);
});

test("idle ones do not wait for busy ones near the end", () => {
  const { relays, retired } = crowd(40);
  const busy = relays.slice(0, 30);
  for (const relay of relays) relay.isCarrying = true;
  pass(8_200, () => {
    const turn = Math.round(now / 100) % 5;
    for (const relay of busy) {
      if (turn === 0) relay.clientBytes++;
      if (turn < 2) relay.movedBytes++;
      relay.awaitsAnswer = turn === 0;
      relay.isCarrying = false;
    }
  });
  for (const relay of relays.slice(30)) relay.isCarrying = false;
  pass(100);
  expect(retired.filter((name) => name >= 30).length).toBe(10);
  expect(retired.length).toBeLessThan(30);
});

test("a relay that comes after all others have ended is checked, too", () => {
  const { drain, relays, running, retired } = crowd(1);
  running.clear();
  pass(2_000);
  expect(calls.length).toBe(0);
  running.add(relays[0] as Relay);
  drain.begun();
  drain.begun();
  expect(calls.length).toBe(1);
  pass(1_100);
  expect(retired).toEqual([0]);
});

test("sights of a relay do not count for the next one in its place", () => {
  const { drain, relays, running, retired } = crowd(2);
  const [ended, other] = relays as [Relay, Relay];
  other.isCarrying = true;
  pass(900);
  running.delete(ended);
  drain.ended(ended);
  running.add(ended);
  pass(900);
  expect(retired).toEqual([]);
  pass(200);
  expect(retired).toEqual([0]);
});

test.each([WINDOW_MS, 2_000])(
  "who waits for an answer is not idle until an eighth of %i ms is left, or 1 s",
  (windowMs) => {
    const { relays, retired } = crowd(3, windowMs);
    const [, ...waiting] = relays as [Relay, Relay, Relay];
    for (const relay of waiting) relay.awaitsAnswer = true;
    const lastMs = Math.min(1_000, windowMs / 8);
    pass(windowMs - lastMs - 1);
    expect(retired).toEqual([0]);
    pass(lastMs / 2);
    expect(retired).toEqual([0, 1, 2]);
  },
);

test("a relay is idle a second after a late answer", () => {
  const { relays, retired } = crowd(1);
  const [waiting] = relays as [Relay];
  waiting.awaitsAnswer = true;
  pass(4_000);
  waiting.awaitsAnswer = false;
  waiting.movedBytes++;
  pass(1_000);
  expect(retired).toEqual([]);
  pass(200);
  expect(retired).toEqual([0]);
});

test("relays that ask every half second end in a pause, spread over the last second but one", () => {
  const { relays, retired } = crowd(10);
  const ask = () => {
    const tick = Math.round(now / 100);
    for (const relay of relays) {
      const turn = (tick + relay.name) % 5;
      // Asked at one look, answered at the next, then three looks of rest.
      if (turn < 2) relay.movedBytes++;
      if (turn === 0) relay.clientBytes++;
      relay.awaitsAnswer = turn === 0;
    }
  };
  pass(WINDOW_MS - 2_001, ask);
  expect(retired).toEqual([]);
  pass(501, ask);
  expect(retired.length).toBeGreaterThanOrEqual(4);
  expect(retired.length).toBeLessThanOrEqual(6);
  pass(700, ask);
  expect(retired.length).toBe(10);
});

test.each([
  ["the middle", 2_000, 200],
  ["the last seconds", 3_500, 0],
])("a thread that was blocked in %s takes no relay for idle", (_where, stillMs, restMs) => {
  const { relays, retired } = crowd(4);
  const move = () => {
    for (const relay of relays) relay.movedBytes++;
  };
  pass(WINDOW_MS / 2, move);
  now += stillMs;
  for (const due of calls) due.at = now;
  pass(restMs);
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

test("those that end by themselves leave their time to the others", () => {
  const { relays, running, retired } = crowd(100);
  for (const relay of relays.slice(0, 60)) running.delete(relay);
  pass(4_500);
  expect(retired.length).toBeGreaterThanOrEqual(19);
  expect(retired.length).toBeLessThanOrEqual(22);
  pass(3_500);
  expect(retired.length).toBe(40);
});

test("in a window that is too short to see a pause, no relay ends for one", () => {
  const { relays, retired } = crowd(3, 20);
  pass(14, () => {
    for (const relay of relays) relay.movedBytes++;
  });
  pass(6);
  expect(retired).toEqual([]);
});
