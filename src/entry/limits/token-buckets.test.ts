import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ClientAddress, UNIX_CLIENT } from "../access/client-address.ts";
import { clientAt } from "../access/test-addresses.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** Some day, as Date.now() gives it. */
const DAY = 1_795_520_666_505;

/** Bytes of reachable objects: other tests of this process leave only garbage. */
function heldBytes(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

/** How many of so many connections at once come in. */
function admitted(buckets: TokenBuckets, host: string, nowMs: number, attempts: number): number {
  const address = clientAt(host);
  let count = 0;
  for (let i = 0; i < attempts; i++) if (buckets.take(address, nowMs)) count++;
  return count;
}

/** Writes another client into an address, without making one. */
function setIPv4(address: ClientAddress, word: number): ClientAddress {
  new DataView(address.buffer).setInt32(4, word);
  return address;
}

describe("one client", () => {
  test("a burst at first, then the rate", () => {
    const buckets = new TokenBuckets({ rate: 10, burst: 5 });
    expect(admitted(buckets, "10.0.0.1", DAY, 20)).toBe(5);
    expect(admitted(buckets, "10.0.0.1", DAY + 99, 20)).toBe(0);
    expect(admitted(buckets, "10.0.0.1", DAY + 101, 20)).toBe(1);
    expect(admitted(buckets, "10.0.0.1", DAY + 401, 20)).toBe(3);
    expect(admitted(buckets, "10.0.0.1", DAY + 60_000, 20)).toBe(5);
  });

  test("others have their own bucket, the same network has not", () => {
    const buckets = new TokenBuckets({ rate: 10, burst: 5 });
    for (const host of ["10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8:0:1::1"]) {
      expect(admitted(buckets, host, DAY, 20)).toBe(5);
    }
    expect(admitted(buckets, "2001:db8::2", DAY, 20)).toBe(0);
    expect(admitted(buckets, "::ffff:10.0.0.1", DAY, 20)).toBe(0);
  });

  test("clients of unix sockets are not counted", () => {
    const buckets = new TokenBuckets({ rate: 10, burst: 1 });
    for (let i = 0; i < 10; i++) expect(buckets.take(UNIX_CLIENT, DAY)).toBe(true);
  });

  test.each([
    [1 / 3_600, 1],
    [0.1, 2],
    [3, 7],
    [1_000, 100],
    [100_000, 100],
    [1_000_000, 1_000_000],
    [1, 2 ** 20],
  ])("the long-term rate of %d with a burst of %i is exact", (rate, burst) => {
    const buckets = new TokenBuckets({ rate, burst });
    // Ten times as often as it may, for a thousand tokens, but at most once a millisecond.
    const stepMs = Math.max(1, 100 / rate);
    const address = clientAt("10.0.0.1");
    let count = admitted(buckets, "10.0.0.1", DAY, burst + 1);
    expect(count).toBe(burst);
    let now = DAY;
    const attempts = Math.ceil((2 * rate) / 1_000);
    while (now < DAY + (1_000 / rate) * 1_000) {
      now += stepMs;
      for (let i = 0; i < attempts; i++) if (buckets.take(address, now)) count++;
    }
    // The last token may be one tick away.
    const expected = ((now - DAY) * rate) / 1_000;
    expect(count - burst).toBeWithin(Math.floor(expected) - 1, Math.ceil(expected) + 2);
  });

  // Times are kept in 32 bits: after this long a bucket that was empty looks as if it still were.
  test.each([
    [1, 1, 1.024],
    [1_000, 100, 1_024],
    [2 ** 20, 2 ** 20, 1_048.576],
  ])("at a rate of %i and a burst of %i, however long it was away", (rate, burst, ticksPerMs) => {
    const cycleMs = 2 ** 32 / ticksPerMs;
    const fullMs = (burst * 1_000) / rate;
    for (const cycles of [1, 2]) {
      for (const isAwake of [false, true]) {
        // One set, which another client may keep awake meanwhile.
        const buckets = new TokenBuckets({ rate, burst, capacity: 7 });
        expect(admitted(buckets, "10.0.0.1", DAY, burst + 1)).toBe(burst);
        const back = DAY + cycles * cycleMs + fullMs / 4;
        for (let now = DAY + 1_001; isAwake && now < back; now += cycleMs / 500) {
          expect(buckets.take(clientAt("10.0.0.2"), now)).toBe(true);
        }
        expect(admitted(buckets, "10.0.0.1", back, burst + 1)).toBe(burst);
      }
    }
  });

  test("a new table is full whatever the time", () => {
    // 1,000 ticks before the 32 bits wrap, where the zeros of the table look like the future.
    const ticks = Math.ceil((DAY * 1.024) / 2 ** 32) * 2 ** 32 - 1_000;
    const buckets = new TokenBuckets({ rate: 1, burst: 1 });
    expect(buckets.take(clientAt("10.0.0.1"), ticks / 1.024)).toBe(true);
  });

  test("a clock that is set back keeps clients out for at most a second longer", () => {
    for (const back of [100, 900, 2_000, 60_000, 3_600_000, 1e11]) {
      for (const away of [0, back / 2, back - 500, back + 500]) {
        const buckets = new TokenBuckets({ rate: 10, burst: 5 });
        expect(admitted(buckets, "10.0.0.1", DAY, 20)).toBe(5);
        const now = DAY - back + Math.max(0, away);
        const waits = Array.from({ length: 13 }, (_, index) => index * 100);
        expect(waits.some((wait) => admitted(buckets, "10.0.0.1", now + wait, 20) > 0)).toBe(true);
      }
    }
  });

  test("a time that another thread has read a little earlier gives nothing away", () => {
    const buckets = new TokenBuckets({ rate: 10, burst: 5 });
    expect(admitted(buckets, "10.0.0.1", DAY, 20)).toBe(5);
    for (const early of [1, 10, 500, 999]) {
      expect(admitted(buckets, "10.0.0.1", DAY - early, 20)).toBe(0);
    }
  });
});

/** One client's bucket, kept apart from all others. */
class NaiveBucket {
  private fullAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly rate: number,
    private readonly burst: number,
  ) {}

  take(nowMs: number): boolean {
    // In tokens, with a resolution of 1/1,024.
    const now = Math.floor((nowMs * this.rate * 1_024) / 1_000) / 1_024;
    const next = Math.max(now, this.fullAt) + 1;
    if (next > now + this.burst) return false;
    this.fullAt = next;
    return true;
  }
}

const visits = fc.array(fc.record({ client: fc.nat({ max: 30 }), sleepMs: fc.nat({ max: 400 }) }), {
  minLength: 1,
  maxLength: 300,
});
const limits = fc.record({
  rate: fc.integer({ min: 1, max: 100 }),
  burst: fc.integer({ min: 1, max: 10 }),
});

function naiveFor({
  rate,
  burst,
}: {
  rate: number;
  burst: number;
}): (client: number) => NaiveBucket {
  const all = new Map<number, NaiveBucket>();
  return (client) => {
    const bucket = all.get(client) ?? new NaiveBucket(rate, burst);
    all.set(client, bucket);
    return bucket;
  };
}

test("with room for all, each client has just its own bucket", () => {
  fc.assert(
    fc.property(limits, visits, (drawn, all) => {
      const buckets = new TokenBuckets({ ...drawn, capacity: 7_000 });
      const naive = naiveFor(drawn);
      let now = DAY;
      for (const { client, sleepMs } of all) {
        now += Math.max(0, sleepMs - 300);
        const isIn = buckets.take(clientAt(`10.0.0.${client}`), now);
        expect(isIn).toBe(naive(client).take(now));
      }
    }),
    { numRuns: 100 },
  );
});

test("without room no client gains: those admitted would have been admitted alone, too", () => {
  fc.assert(
    fc.property(limits, visits, (drawn, all) => {
      const buckets = new TokenBuckets({ ...drawn, capacity: 7 });
      const naive = naiveFor(drawn);
      let now = DAY;
      for (const { client, sleepMs } of all) {
        now += Math.max(0, sleepMs - 390);
        if (buckets.take(clientAt(`10.0.0.${client}`), now)) {
          expect(naive(client).take(now)).toBe(true);
        }
      }
    }),
    { numRuns: 300 },
  );
});

describe("a million addresses", () => {
  test("take no memory, spare no client, and keep none out for longer than a burst", () => {
    const [rate, burst, capacity] = [10, 5, 65_536];
    const buckets = new TokenBuckets({ rate, burst, capacity });
    expect(buckets.memory.byteLength).toBeLessThan(600 * 1_024);
    const address = clientAt("0.0.0.0");
    // Warm, so that what the compiler takes is not counted.
    for (let i = 0; i < 100_000; i++) buckets.take(setIPv4(address, i), DAY - 60_000);
    const banned = clientAt("192.0.2.1");
    while (buckets.take(banned, DAY));
    const before = heldBytes();
    let count = 0;
    for (let i = 0; i < 1_000_000; i++) {
      if (buckets.take(setIPv4(address, 0x0a000000 + i), DAY)) count++;
      if (i % 1_000 === 0) expect(buckets.take(banned, DAY)).toBe(false);
    }
    expect(heldBytes() - before).toBeLessThan(8 * 2 ** 20);
    // All buckets are empty, by as many connections as that takes and no more.
    expect(count).toBeLessThanOrEqual(capacity * burst);
    expect(count).toBeGreaterThan(capacity * burst * 0.9);
    let strangers = 0;
    const later = DAY + (burst * 1_000) / rate + 1;
    for (let i = 0; i < 10_000; i++) {
      if (buckets.take(setIPv4(address, 0x14000000 + i), later)) strangers++;
    }
    expect(strangers).toBe(10_000);
  }, 30_000);

  test("that connect once each leave room for known and for new clients", () => {
    const buckets = new TokenBuckets({ rate: 10, burst: 20 });
    const address = clientAt("0.0.0.0");
    const known = clientAt("192.0.2.1");
    let refused = 0;
    // 100,000 connections per second for ten seconds, which is more than a proxy accepts.
    for (let i = 0; i < 1_000_000; i++) {
      const now = DAY + i / 100;
      if (!buckets.take(setIPv4(address, Math.imul(i, 0x9e3779b1)), now)) refused++;
      // Just below its rate.
      if (i % 10_100 === 0) expect(buckets.take(known, now)).toBe(true);
    }
    expect(refused).toBe(0);
  }, 30_000);

  test("of one IPv6 network are one client", () => {
    const buckets = new TokenBuckets({ rate: 10, burst: 5 });
    const address = clientAt("2001:db8::");
    const view = new DataView(address.buffer);
    let count = 0;
    for (let i = 0; i < 1_000_000; i++) {
      view.setInt32(20, i);
      if (buckets.take(address, DAY)) count++;
    }
    expect(count).toBe(5);
  }, 30_000);
});

test("others with the same memory have the same buckets", () => {
  const options = { rate: 10, burst: 5, capacity: 700 };
  const memory = new SharedArrayBuffer(TokenBuckets.bytesFor(700));
  const one = new TokenBuckets({ ...options, memory });
  const other = new TokenBuckets({ ...options, memory: one.memory });
  expect(admitted(one, "10.0.0.1", DAY, 3)).toBe(3);
  expect(admitted(other, "10.0.0.1", DAY, 3)).toBe(2);
  expect(() => new TokenBuckets({ ...options, rate: 11, memory })).toThrow("the same options");
  expect(() => new TokenBuckets({ ...options, capacity: 7_000, memory })).toThrow("long enough");
});

test("invalid options are a defect", () => {
  expect(() => new TokenBuckets({ rate: 0, burst: 1 })).toThrow("rate");
  expect(() => new TokenBuckets({ rate: 2 ** 21, burst: 1 })).toThrow("rate");
  expect(() => new TokenBuckets({ rate: 1, burst: 0 })).toThrow("burst");
  expect(() => new TokenBuckets({ rate: 1, burst: 1.5 })).toThrow("burst");
  expect(() => new TokenBuckets({ rate: 1, burst: 1, capacity: 6 })).toThrow("capacity");
});

test("a charge by another thread stays while an unused set is renewed", () => {
  const options = { rate: 1, burst: 5 };
  const mine = new TokenBuckets(options);
  const others = new TokenBuckets({ ...options, memory: mine.memory });
  const client = clientAt("10.0.0.1");
  const { compareExchange } = Atomics;
  let taken = 0;
  // The thread is blocked after it has found that the set was unused for long.
  Atomics.compareExchange = ((...given: Parameters<typeof compareExchange>) => {
    Atomics.compareExchange = compareExchange;
    const before = compareExchange(...given);
    for (let round = 0; round < 10; round++) if (others.take(client, DAY)) taken++;
    return before;
  }) as typeof compareExchange;
  try {
    for (let round = 0; round < 10; round++) if (mine.take(client, DAY)) taken++;
  } finally {
    Atomics.compareExchange = compareExchange;
  }
  expect(taken).toBe(5);
});
