import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { descriptorsSince, openDescriptors } from "../../../test/fixtures/proc.ts";
import { polite, Upstream } from "../../../test/fixtures/upstream.ts";
import { waitFor } from "../../../test/fixtures/wait.ts";
import type { LoopClock } from "../../base/clock.ts";
import { startEmbeddedUpstream } from "../../embedded/server.ts";
import { type CheckOptions, ejectionDefaults } from "./check-options.ts";
import { type CheckedUpstream, Checker } from "./checker.ts";
import type { HealthEvent } from "./monitor.ts";
import type { ProbeResult } from "./probe.ts";
import { checkOptions, probeOnce } from "./test-redis.ts";

setDefaultTimeout(20_000);

/** A clock that stands still until it is told to go on. */
class TestClock implements LoopClock {
  private time = 0;
  private readonly alarms = new Set<{ at: number; call: () => void }>();

  now(): number {
    return this.time;
  }

  after(delayMs: number, call: () => void): () => void {
    const alarm = { at: this.time + delayMs, call };
    this.alarms.add(alarm);
    return () => this.alarms.delete(alarm);
  }

  get alarmCount(): number {
    return this.alarms.size;
  }

  async advance(spanMs: number): Promise<void> {
    const until = this.time + spanMs;
    for (;;) {
      await settled();
      const due = [...this.alarms].filter(({ at }) => at <= until);
      const [next] = due.sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.alarms.delete(next);
      this.time = Math.max(this.time, next.at);
      next.call();
    }
    this.time = until;
  }
}

/** What promises have to say is said. */
async function settled(): Promise<void> {
  for (let round = 0; round < 8; round++) await Promise.resolve();
}

const upstreamAddress = (port: number) => ({ kind: "tcp", host: "10.0.0.1", port }) as const;

function upstream(name: string, more: Partial<CheckedUpstream> = {}): CheckedUpstream {
  const ejection = ejectionDefaults;
  const check = checkOptions();
  return { name, address: upstreamAddress(1), check, ejection, hosts: null, ...more };
}

/** A checker whose checks take as long and find what a test says. */
class Rig {
  readonly clock = new TestClock();
  /** When checks began, by the port that they checked. */
  readonly starts: { port: number; at: number }[] = [];
  readonly events: string[] = [];
  running = 0;
  runningMax = 0;
  ok = true;
  takesMs = 1;
  readonly checker: Checker;

  constructor(runningMax = 64, random = () => 0.5) {
    const onEvent = (name: string, { from, to }: { from: string; to: string }) =>
      void this.events.push(`${name} ${from}>${to}`);
    this.checker = new Checker(
      { onEvent },
      {
        clock: this.clock,
        random,
        runningMax,
        probe: (address, options, signal) => this.probe(address, options, signal),
      },
    );
  }

  get times(): number[] {
    return this.starts.map(({ at }) => at);
  }

  private probe(
    address: CheckedUpstream["address"],
    _options: CheckOptions,
    signal?: AbortSignal,
  ): Promise<ProbeResult> {
    this.starts.push({ port: address.kind === "tcp" ? address.port : 0, at: this.clock.now() });
    this.running++;
    this.runningMax = Math.max(this.runningMax, this.running);
    const { ok, takesMs } = this;
    return new Promise((resolve) => {
      const done = (inconclusive: boolean) => {
        cancel();
        signal?.removeEventListener("abort", givenUp);
        this.running--;
        resolve({ ok: ok && !inconclusive, inconclusive, detail: "said", durationMs: takesMs });
      };
      const givenUp = () => done(true);
      const cancel = this.clock.after(takesMs, () => done(false));
      signal?.addEventListener("abort", givenUp);
    });
  }
}

describe("when checks begin", () => {
  test("an interval after the start of the last one, faster while it is failing", async () => {
    const rig = new Rig();
    rig.takesMs = 100;
    rig.checker.setUpstreams([upstream("a")]);
    await rig.clock.advance(4_500);
    expect(rig.times).toEqual([0, 2_000, 4_000]);
    rig.ok = false;
    await rig.clock.advance(3_000);
    // One failure is a change under way, two are down; both are looked at again soon.
    expect(rig.times.slice(3)).toEqual([6_000, 6_500, 7_000, 7_500]);
    expect(rig.events).toEqual(["a up>down"]);
    rig.ok = true;
    await rig.clock.advance(4_500);
    expect(rig.times.slice(7)).toEqual([8_000, 8_500, 10_500]);
    expect(rig.events).toEqual(["a up>down", "a down>up"]);
  });

  test("one that takes longer than its interval is followed at once, never doubled", async () => {
    const rig = new Rig();
    rig.takesMs = 2_500;
    rig.checker.setUpstreams([upstream("a")]);
    await rig.clock.advance(8_000);
    expect(rig.times).toEqual([0, 2_500, 5_000, 7_500]);
    expect(rig.runningMax).toBe(1);
  });

  test("the first ones are spread over a fifth of a second", async () => {
    const rig = new Rig();
    rig.checker.setUpstreams(Array.from({ length: 100 }, (_, index) => upstream(`u${index}`)));
    await rig.clock.advance(200);
    expect(rig.starts).toHaveLength(100);
    expect(new Set(rig.times).size).toBe(100);
    expect(rig.runningMax).toBe(1);
  });

  test("jitter makes each interval longer or shorter by its part at most", async () => {
    let drawn = 0;
    const rig = new Rig(64, () => [0, 0.25, 0.999_999][drawn++ % 3] as number);
    rig.checker.setUpstreams([upstream("a", { check: checkOptions({ jitter: 0.5 }) })]);
    await rig.clock.advance(6_000);
    expect(rig.times.map(Math.round)).toEqual([0, 1_000, 2_500, 5_500]);
  });

  test("no more than the most run at once, and nobody is left out", async () => {
    const rig = new Rig(8);
    rig.takesMs = 400;
    const all = Array.from({ length: 100 }, (_, index) =>
      upstream(`u${index}`, { address: upstreamAddress(index + 1) }),
    );
    rig.checker.setUpstreams(all);
    await rig.clock.advance(20_000);
    expect(rig.runningMax).toBe(8);
    const counts = all.map(
      (_, index) => rig.starts.filter(({ port }) => port === index + 1).length,
    );
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(3);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  test("a dial that failed brings the next one forward, to the fast interval at most", async () => {
    const rig = new Rig();
    rig.checker.setUpstreams([upstream("a")]);
    await rig.clock.advance(100);
    for (let round = 0; round < 3; round++) rig.checker.dialFailed("a");
    await rig.clock.advance(2_000);
    expect(rig.times).toEqual([0, 500]);
    await rig.clock.advance(900);
    rig.checker.dialFailed("a");
    await rig.clock.advance(0);
    expect(rig.times).toEqual([0, 500, 2_500, 3_000]);
    await rig.clock.advance(10);
    rig.checker.dialFailed("a");
    await rig.clock.advance(489);
    expect(rig.times).toHaveLength(4);
  });
});

describe("ejection", () => {
  test("begins with the third failed dial in a row and ends by itself", async () => {
    const rig = new Rig();
    rig.checker.setUpstreams([upstream("a", { check: null }), upstream("b", { check: null })]);
    rig.checker.dialFailed("a", 2);
    rig.checker.dialed("a");
    rig.checker.dialFailed("a", 2);
    expect(rig.checker.isOpen("a")).toBe(true);
    rig.checker.dialFailed("a");
    expect(rig.events).toEqual(["a up>ejected"]);
    expect([rig.checker.isOpen("a"), rig.checker.isOpen("b")]).toEqual([false, true]);
    await rig.clock.advance(29_999);
    expect(rig.checker.views()[0]).toMatchObject({ status: "ejected", ejectedUntilMs: 30_000 });
    await rig.clock.advance(1);
    expect(rig.events).toEqual(["a up>ejected", "a ejected>up"]);
    expect(rig.checker.views()[0]).toMatchObject({ status: "up", sinceMs: 30_000 });
    expect(rig.clock.alarmCount).toBe(0);
    expect(rig.starts).toEqual([]);
  });

  test("news of an upstream that is gone does nothing", () => {
    const rig = new Rig();
    rig.checker.dialFailed("gone", 9);
    rig.checker.dialed("gone");
    expect(rig.checker.isOpen("gone")).toBe(true);
  });
});

describe("a reload", () => {
  test("keeps the state of those that stay and asks them no more often", async () => {
    const rig = new Rig();
    rig.ok = false;
    rig.checker.setUpstreams([upstream("a"), upstream("gone")]);
    await rig.clock.advance(150);
    rig.starts.length = 0;
    rig.checker.setUpstreams([upstream("new", { check: null }), upstream("a")]);
    await rig.clock.advance(0);
    expect(rig.starts).toEqual([]);
    expect(rig.checker.views().map(({ name, status }) => `${name} ${status}`)).toEqual([
      "a down",
      "new up",
    ]);
    await rig.clock.advance(1_000);
    expect(rig.times).toEqual([500, 1_000]);
  });

  test("another check keeps the state, is used soon, and a running one is given up", async () => {
    const rig = new Rig();
    rig.ok = false;
    rig.checker.setUpstreams([upstream("a")]);
    await rig.clock.advance(10);
    rig.takesMs = 300;
    await rig.clock.advance(550);
    expect(rig.running).toBe(1);
    rig.ok = true;
    rig.checker.setUpstreams([upstream("a", { check: checkOptions({ rise: 1 }) })]);
    expect(rig.running).toBe(0);
    expect(rig.checker.isOpen("a")).toBe(false);
    await rig.clock.advance(301);
    expect(rig.events).toEqual(["a up>down", "a down>up"]);
    expect(rig.starts).toHaveLength(3);
  });

  test("another address is another upstream, even under the same name", async () => {
    const rig = new Rig();
    rig.ok = false;
    rig.checker.setUpstreams([upstream("a")]);
    await rig.clock.advance(10);
    expect(rig.checker.isOpen("a")).toBe(false);
    rig.checker.setUpstreams([upstream("a", { address: upstreamAddress(2) })]);
    expect(rig.checker.isOpen("a")).toBe(true);
  });

  test("checks and ejection can be turned off", async () => {
    const rig = new Rig();
    rig.ok = false;
    rig.checker.setUpstreams([upstream("a"), upstream("b", { check: null })]);
    await rig.clock.advance(10);
    rig.checker.dialFailed("b", 3);
    rig.checker.setUpstreams([
      upstream("a", { check: null }),
      upstream("b", { check: null, ejection: null }),
    ]);
    expect(rig.events.slice(2)).toEqual(["a down>up", "b ejected>up"]);
    await rig.clock.advance(100_000);
    expect(rig.starts).toHaveLength(1);
    expect(rig.clock.alarmCount).toBe(0);
  });

  test("names are unique", () => {
    const rig = new Rig();
    expect(() => rig.checker.setUpstreams([upstream("a"), upstream("a")])).toThrow("unique");
  });

  test("may come from whoever is told of a change", async () => {
    const clock = new TestClock();
    const checker: Checker = new Checker(
      { onEvent: () => checker.setUpstreams([]) },
      {
        clock,
        probe: async () => ({ ok: false, inconclusive: false, detail: "bad", durationMs: 1 }),
      },
    );
    checker.setUpstreams([upstream("a"), upstream("b")]);
    await clock.advance(1_000);
    expect(checker.views()).toEqual([]);
    expect(clock.alarmCount).toBe(0);
  });
});

test("after stop nothing runs, nothing is planned and nothing is told", async () => {
  const rig = new Rig(2);
  rig.takesMs = 1_000;
  rig.ok = false;
  rig.checker.setUpstreams(["a", "b", "c", "d"].map((name) => upstream(name)));
  await rig.clock.advance(300);
  expect(rig.running).toBe(2);
  rig.checker.stop();
  rig.checker.stop();
  await rig.clock.advance(10_000);
  expect([rig.running, rig.clock.alarmCount, rig.starts.length]).toEqual([0, 0, 2]);
  expect(rig.events).toEqual([]);
});

/** What may happen to a checker; `advance` and `takes` in milliseconds. */
const step = fc.oneof(
  fc.record({ does: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
  fc.record({ does: fc.constant("takes" as const), ms: fc.integer({ min: 0, max: 4_000 }) }),
  fc.record({ does: fc.constant("find" as const), ok: fc.boolean() }),
  fc.record({ does: fc.constant("dialFailed" as const), name: fc.nat(6), count: fc.nat(4) }),
  fc.record({
    does: fc.constant("set" as const),
    ports: fc.uniqueArray(fc.nat(6), { maxLength: 6 }),
    hasChecks: fc.boolean(),
    rise: fc.integer({ min: 1, max: 2 }),
  }),
);

test("whatever happens, checks are bounded and each upstream is still looked after", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const rig = new Rig(3);
      let checked: number[] = [];
      for (const one of steps) {
        if (one.does === "advance") await rig.clock.advance(one.ms);
        else if (one.does === "takes") rig.takesMs = one.ms;
        else if (one.does === "find") rig.ok = one.ok;
        else if (one.does === "dialFailed") rig.checker.dialFailed(`${one.name}`, one.count + 1);
        else {
          const check = one.hasChecks ? checkOptions({ rise: one.rise }) : null;
          rig.checker.setUpstreams(
            one.ports.map((port) => upstream(`${port}`, { address: upstreamAddress(port), check })),
          );
          checked = one.hasChecks ? one.ports : [];
        }
        expect(rig.runningMax).toBeLessThanOrEqual(3);
      }
      // A check takes 4 s at most, 3 run at once and 6 wait: each has its turn within this time.
      await rig.clock.advance(12_000);
      rig.starts.length = 0;
      await rig.clock.advance(20_000);
      const seen = new Set(rig.starts.map(({ port }) => port));
      expect([...seen].sort()).toEqual([...checked].sort());
      rig.checker.stop();
      await settled();
      expect([rig.running, rig.clock.alarmCount]).toEqual([0, 0]);
    }),
    { numRuns: Number(process.env.RINGWAY_FUZZ_RUNS ?? 300) },
  );
});

describe("with real sockets", () => {
  const opened: { stop(): void }[] = [];
  afterEach(() => {
    for (const one of opened.splice(0)) one.stop();
  });

  test("one that falls over is down, and up again when it is back", async () => {
    let embedded = startEmbeddedUpstream();
    opened.push({ stop: () => embedded.stop() });
    const { port } = embedded.address as { port: number };
    const moves: string[] = [];
    const onEvent = (name: string, { to, why }: HealthEvent) =>
      void moves.push(`${name} ${to} (${why})`);
    const checker = new Checker({ onEvent }, { probe: probeOnce });
    opened.push(checker);
    const check = checkOptions({ kind: "redis", intervalMs: 20, fastIntervalMs: 5 });
    const address = { kind: "tcp", host: "127.0.0.1", port } as const;
    checker.setUpstreams([upstream("a", { address, check })]);
    await waitFor(() => checker.views()[0]?.lastCheck?.ok === true, "the first check succeeded");
    expect(moves).toEqual([]);
    embedded.stop();
    await waitFor(() => moves.length === 1, "it is down");
    expect(moves[0]).toBe("a down (2 checks failed: connect: ECONNREFUSED)");
    expect(checker.isOpen("a")).toBe(false);
    embedded = startEmbeddedUpstream({ port });
    await waitFor(() => moves.length === 2, "it is up again");
    expect(moves[1]).toBe("a up (2 checks succeeded: +PONG)");
  });

  test.if(process.platform === "linux")("200 upstreams leave no descriptors behind", async () => {
    using embedded = startEmbeddedUpstream();
    const { port } = embedded.address as { port: number };
    // Never answers, but ends what is ended: a check that is given up while it connects says FIN.
    const hung = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, polite);
    opened.push({ stop: () => hung.close() });
    const before = openDescriptors();
    const checker = new Checker({ onEvent() {} }, { probe: probeOnce });
    opened.push(checker);
    const check = checkOptions({
      kind: "redis",
      intervalMs: 100,
      fastIntervalMs: 50,
      timeoutMs: 500,
    });
    const well = { kind: "tcp", host: "127.0.0.1", port } as const;
    checker.setUpstreams(
      Array.from({ length: 200 }, (_, index) =>
        upstream(`u${index}`, { address: index % 20 === 0 ? hung.address : well, check }),
      ),
    );
    let most = 0;
    await waitFor(
      () => {
        most = Math.max(most, (openDescriptors().get("socket") ?? 0) - (before.get("socket") ?? 0));
        return embedded.commandCount > 2_000 && hung.ends.length > 40;
      },
      () => `each was checked many times (${embedded.commandCount}, ${hung.ends.length})`,
    );
    // Two ends each, of no more checks than run at once; some may just be closing.
    expect(most).toBeLessThanOrEqual(2 * 64 + 96);
    const states = checker.views().map(({ status }) => status);
    expect(states.filter((status) => status === "down")).toHaveLength(10);
    checker.stop();
    await waitFor(
      () => descriptorsSince(before) === "",
      () => `all are closed, and not ${descriptorsSince(before)}`,
    );
  });
});
