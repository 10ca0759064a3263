import { describe, expect, test } from "bun:test";
import type { UringConduit } from "../../src/engine/uring/conduit.ts";
import { Loop } from "../../src/engine/uring/loop.ts";
import { RelayPhase } from "../../src/flow/relay.ts";
import { type Fault, type Faults, noFaults } from "./faults.ts";
import { Life, type Story } from "./life.ts";
import { INTERRUPT_MS } from "./performer.ts";
import { Port, SLOW_ANSWER_MS } from "./world.ts";

// One fault at a time, often, in a story that is simple otherwise; the fuzz mixes them all.

const upstream = { kind: "tcp", host: "10.9.9.9", port: Port.Answers } as const;
const named = { ...upstream, host: "one.test" } as const;

const simple: Story = {
  seed: 1,
  faults: noFaults(),
  clients: 8,
  mode: "bidirectional",
  endings: ["fin", "answer"],
  upstreams: [upstream],
  slowPercent: 20,
  resetPercent: 0,
  totalMax: 30_000,
  stormMs: 100,
  stopsEarly: false,
  drainMs: 50,
  segmentCount: 64,
  bufferSize: 256,
  bufferCount: 4,
  entries: 64,
  completions: 256,
  incremental: false,
  receive: "multishot",
  receiveAs: "plain",
  send: "plain",
  fixedFiles: false,
  waitCount: 0,
  yield: "never",
  descriptors: 100_000,
  connectTimeoutMs: 5_000,
  holdMs: 0,
  maxRelays: 0,
  queueMs: 0,
  upRate: 0,
  downRate: 0,
  routes: false,
  mirror: null,
};

/** Stories of a test, unless it is about something rare: each has its fault in many places. */
const LIVES = 2;
/** Relays of so many simple stories. */
const RELAYS = LIVES * simple.clients;

/** Runs some stories that differ by their seeds. @returns their lives, each checked to its end */
function live(change: Partial<Story>, runs = LIVES): Life[] {
  return Array.from({ length: runs }, (_, i) => {
    const life = new Life(Loop, { ...simple, ...change, seed: i + 1 });
    life.run();
    return life;
  });
}

/** Relays by the reason for which they ended. */
function reasons(lives: readonly Life[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of lives.flatMap(({ ended }) => ended)) {
    counts[String(reason)] = (counts[String(reason)] ?? 0) + 1;
  }
  return counts;
}

test("without a fault every relay ends by the ends of its ends", () => {
  const { client_fin = 0, upstream_fin = 0, ...others } = reasons(live({}));
  expect(others).toEqual({});
  expect(client_fin + upstream_fin).toBe(RELAYS);
});

test("of clients whose addresses cannot be told none comes in", () => {
  const lives = live({ faults: { ...noFaults(), nameless: 1 } });
  expect(reasons(lives)).toEqual({ client_reset: RELAYS });
});

test("a drain gives no end to a relay that ends already for another reason", () => {
  const life = new Life(Loop, { ...simple, clients: 1, endings: ["stay"], totalMax: 0 });
  life.clock.during(() => {
    life.begin();
    const isBegun = (one: UringConduit) => one.relay.phase === RelayPhase.Relaying;
    const relay = () => [...life.inside.ledger.running].find(isBegun);
    life.until("the relay has begun", () => relay() !== undefined);
    life.command(() => {
      const running = relay();
      running?.terminate("descriptor_limit");
      running?.retire("drain");
    });
    life.until("it is over", () => life.ended.length === 1);
    life.loop.close();
  });
  expect(reasons([life])).toEqual({ descriptor_limit: 1 });
  expect(life.kernel.handedOver.map(({ lingers }) => lingers)).toEqual([true]);
});

describe("a relay is not hurt by", () => {
  const harmless: readonly (readonly [string, Fault, number])[] = [
    ["receives and sends of single bytes", "short", 0.9],
    ["completions that come late and in another order", "delay", 0.5],
    ["operations that take their time", "slow", 0.5],
    ["multishot operations that end after each success", "endMultishot", 1],
    ["ENOBUFS although there are buffers", "noBuffers", 0.4],
    ["buffers that are taken for nothing", "emptyBuffer", 1],
    ["EAGAIN and EINTR", "again", 0.4],
    ["EINTR of enter", "interrupted", 0.5],
    ["EBUSY of enter", "busy", 0.5],
    ["a submission that is taken in part", "submitShort", 0.5],
    ["cancellations that come too late", "cancelLate", 1],
    ["options that cannot be set", "option", 1],
  ];
  for (const [what, fault, probability] of harmless) {
    test(what, () => {
      const faults: Faults = { ...noFaults(), [fault]: probability };
      const { client_fin = 0, upstream_fin = 0, ...others } = reasons(live({ faults }));
      expect(others).toEqual({});
      expect(client_fin + upstream_fin).toBe(RELAYS);
    });
  }

  test("queues of four entries", () => {
    const { client_fin = 0, upstream_fin = 0 } = reasons(live({ entries: 4, completions: 4 }));
    expect(client_fin + upstream_fin).toBe(RELAYS);
  });
});

describe("every way to send and receive brings all bytes,", () => {
  for (const send of ["message", "zerocopy", "zerocopy-message", "ring", "bundle"] as const) {
    test(`send ${send}`, () => {
      const faults = { ...noFaults(), short: 0.2, again: 0.1 };
      const { client_fin = 0, upstream_fin = 0 } = reasons(live({ send, faults }));
      expect(client_fin + upstream_fin).toBe(RELAYS);
    });
  }
  const ways: readonly Partial<Story>[] = [
    { receive: "single" },
    { receiveAs: "bundles" },
    { receiveAs: "messages" },
    { receive: "single", receiveAs: "bundles" },
    { receive: "single", receiveAs: "messages" },
    { incremental: true },
    { fixedFiles: true },
    { waitCount: 8 },
    { yield: "always" },
  ];
  for (const way of ways) {
    test(JSON.stringify(way), () => {
      const faults = { ...noFaults(), short: 0.2, endMultishot: 0.2 };
      const { client_fin = 0, upstream_fin = 0 } = reasons(live({ ...way, faults }));
      expect(client_fin + upstream_fin).toBe(RELAYS);
    });
  }
});

describe("with a rate", () => {
  const rates = { upRate: 256 * 1024, downRate: 128 * 1024, totalMax: 300_000 } as const;

  test("all bytes are brought, and no faster", () => {
    const lives = live({ ...rates, slowPercent: 0 });
    const { client_fin = 0, upstream_fin = 0 } = reasons(lives);
    expect(client_fin + upstream_fin).toBe(RELAYS);
    const durations = lives.flatMap(({ ended }) => ended.map(({ durationMs }) => durationMs));
    expect(Math.max(...durations)).toBeGreaterThan(800);
  });

  const ways: readonly Partial<Story>[] = [
    { receive: "single" },
    { receiveAs: "bundles" },
    { receiveAs: "messages" },
    { incremental: true },
    { send: "zerocopy" },
    { send: "ring" },
    { segmentCount: 8, bufferCount: 1, slowPercent: 80 },
  ];
  for (const way of ways) {
    test(`likewise with ${JSON.stringify(way)}`, () => {
      const faults = { ...noFaults(), short: 0.2, again: 0.1, noBuffers: 0.1 };
      const { client_fin = 0, upstream_fin = 0 } = reasons(live({ ...rates, ...way, faults }));
      expect(client_fin + upstream_fin).toBe(RELAYS);
    });
  }

  test("resets are passed on while bytes wait, and do not wait for it", () => {
    const faults = { ...noFaults(), breaks: 0.005, short: 0.1 };
    const lives = live({ ...rates, upRate: 1024, downRate: 1024, faults, resetPercent: 100 }, 16);
    const counts = reasons(lives);
    expect(counts.client_reset).toBeGreaterThan(0);
    expect(counts.upstream_reset).toBeGreaterThan(0);
  });

  test("a stop leaves nothing of relays that wait", () => {
    const slow = { ...rates, upRate: 1024, downRate: 1024 };
    live({ ...slow, stopsEarly: true, endings: ["stay"], drainMs: 50 });
  });
});

describe("dials", () => {
  test("an upstream that refuses is followed by the next one", () => {
    const refuses = { ...upstream, port: Port.Refuses };
    expect(reasons(live({ upstreams: [refuses] }))).toEqual({ connect_refused: RELAYS });
    expect(reasons(live({ upstreams: [refuses, upstream] })).connect_refused).toBeUndefined();
  });

  test("one that keeps silent is given up in time", () => {
    const silent = { ...upstream, port: Port.Silent };
    const counts = reasons(live({ upstreams: [silent], connectTimeoutMs: 30 }));
    expect(counts).toEqual({ connect_timeout: RELAYS });
  });

  test("a name's addresses are tried in their order", () => {
    const counts = reasons(live({ upstreams: [{ ...upstream, host: "many.test" }] }));
    expect(counts.connect_refused).toBeUndefined();
  });

  describe("an address that keeps silent costs a quarter of a second:", () => {
    const dialTimes = (host: string, change: Partial<Story> = {}) => {
      const lives = live({ upstreams: [{ ...upstream, host }], ...change });
      const all = lives.flatMap(({ ended }) => ended.map(({ dialMs }) => dialMs ?? Infinity));
      expect(all).toHaveLength(RELAYS);
      return all;
    };
    /** Milliseconds for the lookup and the answer. */
    const REST_MS = 100;

    test("six before the one that answers", () => {
      const times = dialTimes("far.test");
      // The seventh begins when the third gives way.
      expect(Math.min(...times)).toBeGreaterThanOrEqual(6 * 250);
      // One that gives way may be at work just then, which takes its time.
      expect(Math.max(...times)).toBeLessThan(6 * 250 + 3 * INTERRUPT_MS + REST_MS);
    });

    test("of those that are slow the first to answer is taken, and one that refuses costs nothing", () => {
      const times = dialTimes("slow.test");
      expect(Math.min(...times)).toBeLessThan(250);
      expect(Math.max(...times)).toBeLessThan(SLOW_ANSWER_MS + REST_MS);
      expect(times.filter((one) => one > 250).length).toBeGreaterThan(0);
    });

    test("without descriptors to spare they are tried one by one", () => {
      dialTimes("slow.test", { descriptors: 7 });
    });

    test("when the time is over all attempts are", () => {
      const counts = reasons(
        live({ upstreams: [{ ...upstream, host: "far.test" }], connectTimeoutMs: 700 }),
      );
      expect(counts).toEqual({ connect_timeout: RELAYS });
    });
  });

  test("a name without an address", () => {
    const counts = reasons(live({ upstreams: [{ ...upstream, host: "none.test" }] }));
    expect(counts).toEqual({ connect_unresolved: RELAYS });
  });

  test("a name that is looked up too late starts no second dial", () => {
    live({ upstreams: [named, upstream], connectTimeoutMs: 15, clients: 20 });
  });

  test("nor when its relay waits for an upstream meanwhile", () => {
    const none = { ...upstream, host: "none.test" };
    live({ upstreams: [named, none], connectTimeoutMs: 5, holdMs: 300, clients: 20 });
  });

  test("relays wait for room, and leave it", () => {
    const counts = reasons(live({ maxRelays: 1, queueMs: 60_000, clients: 20 }));
    const { client_fin = 0, upstream_fin = 0, ...others } = counts;
    expect(others).toEqual({});
    expect(client_fin + upstream_fin).toBe(LIVES * 20);
  });

  test("no descriptor for the upstream's socket", () => {
    const counts = reasons(live({ faults: { ...noFaults(), socket: 1 }, stopsEarly: true }));
    expect(Object.keys(counts)).toEqual(["descriptor_limit"]);
  });

  test("no socket of the upstream's family, which keeps nobody else from coming", () => {
    const lives = live({ faults: { ...noFaults(), family: 1 } });
    expect(reasons(lives)).toEqual({ connect_unreachable: RELAYS });
    expect(lives.map(({ pauses }) => pauses)).toEqual(lives.map(() => 0));
  });
});

describe("accepting", () => {
  test("goes on when descriptors had run out, though no relay ends", () => {
    const lives = live({ faults: { ...noFaults(), accept: 1 } });
    expect(lives.flatMap(({ ended }) => ended).length).toBeGreaterThan(0);
  });

  test("stops before the last descriptor, and goes on when some are back", () => {
    const { client_fin = 0, upstream_fin = 0 } = reasons(live({ descriptors: 7 }));
    expect(client_fin + upstream_fin).toBe(RELAYS);
  });
});

describe("memory that is always short", () => {
  const tight = { segmentCount: 8, bufferCount: 1, clients: 20, slowPercent: 80 } as const;

  test("delivers all, and cuts nobody before its time", () => {
    const { client_fin = 0, upstream_fin = 0 } = reasons(live({ ...tight, totalMax: 300_000 }));
    expect(client_fin + upstream_fin).toBe(LIVES * tight.clients);
  });

  test("ends a relay only when its bytes have stood still for long", () => {
    const stay = { endings: ["stay"], stormMs: 15_000, totalMax: 1_000_000 } as const;
    live({ ...tight, ...stay, clients: 6 }, 6);
  });

  test("is not held against a slot's next tenant", () => {
    const faults = { ...noFaults(), delay: 0.3, breaks: 0.005 };
    live({ ...tight, faults, upstreams: [named], connectTimeoutMs: 30 }, 24);
  });
});

describe("resets", () => {
  for (const send of ["plain", "zerocopy", "ring"] as const) {
    test(`are passed on as resets, after the last byte: send ${send}`, () => {
      const faults = { ...noFaults(), breaks: 0.005, short: 0.1 };
      const counts = reasons(live({ faults, send, resetPercent: 30 }, 24));
      expect(counts.client_reset).toBeGreaterThan(0);
      expect(counts.upstream_reset).toBeGreaterThan(0);
    });
  }
});

describe("a stop in the middle leaves nothing,", () => {
  const middle = { stopsEarly: true, slowPercent: 80, endings: ["stay"] } as const;

  for (const drainMs of [0, 1, 3_000]) {
    test(`draining for ${drainMs} ms`, () => {
      expect(reasons(live({ ...middle, drainMs }, 4)).drain).toBeGreaterThan(0);
    });
  }

  test("while bytes that are not copied are still in use", () => {
    live({ ...middle, send: "zerocopy", drainMs: 0 });
  });

  test("while every cancellation comes too late", () => {
    live({ ...middle, faults: { ...noFaults(), cancelLate: 1, delay: 0.5 } });
  });
});
