import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { waitFor } from "../../../test/fixtures/wait.ts";
import { NameError } from "./name-error.ts";
import { type HostAddress, type Resolution, resolveName } from "./resolver.ts";
import { TestAuthority } from "./test-authority.ts";
import { TestClock } from "./test-clock.ts";
import { ASKING_MAX, NameWatcher } from "./watcher.ts";

/** A watcher of which a test decides what it hears and what time it is. */
class Scene {
  readonly clock = new TestClock();
  readonly told: string[] = [];
  /** Questions that wait for their answers, in the order in which they were asked. */
  readonly questions: { name: string; answer: PromiseWithResolvers<Resolution> }[] = [];
  asked = 0;
  random = 0;
  readonly watcher = new NameWatcher(
    {
      onChange: (name, addresses, before, failures) =>
        this.told.push(`${name}: ${text(before)} → ${text(addresses)}, ${failures} failures`),
      onFailing: (name, error) => this.told.push(`${name}: ${error.code}`),
    },
    {
      resolve: (name) => {
        this.asked++;
        const answer = Promise.withResolvers<Resolution>();
        this.questions.push({ name, answer });
        return answer.promise;
      },
      clock: this.clock,
      random: () => this.random,
    },
  );

  /** Answers the oldest question. */
  async answer(outcome: readonly string[] | NameError, ttlMs = 10_000): Promise<void> {
    const question = this.questions.shift();
    if (question === undefined) throw new Error("nothing is asked");
    if (outcome instanceof NameError) question.answer.reject(outcome);
    else question.answer.resolve({ addresses: all(...outcome), ttlMs });
    await settled();
  }

  /** So much later; the questions that are asked then. */
  async later(ms: number): Promise<string[]> {
    this.clock.advance(ms);
    await settled();
    return this.questions.map(({ name }) => name);
  }
}

function all(...hosts: string[]): HostAddress[] {
  return hosts.map((host) => ({ host, family: host.includes(":") ? 6 : 4 }));
}

function text(addresses: readonly HostAddress[]): string {
  return addresses.map(({ host }) => host).join(" ") || "none";
}

/** All promises that can go on have. */
async function settled(): Promise<void> {
  for (let round = 0; round < 10; round++) await Promise.resolve();
}

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});

const failed = new NameError("server_failed");

describe("when it asks", () => {
  test("at once, and whenever the answer is too old", async () => {
    scene.watcher.set(["a"]);
    expect(scene.questions).toHaveLength(1);
    await scene.answer(["1.0.0.1"], 10_000);
    expect(await scene.later(9_999)).toEqual([]);
    expect(await scene.later(1)).toEqual(["a"]);
    // Not twice at the same time, however long it takes.
    expect(await scene.later(100_000)).toEqual(["a"]);
    await scene.answer(["1.0.0.1"], 20_000);
    expect(await scene.later(19_999)).toEqual([]);
    expect(await scene.later(1)).toEqual(["a"]);
  });

  test.each([
    [0, 1_000],
    [999, 1_000],
    [60_000, 60_000],
    [86_400_000, 300_000],
    [Infinity, 300_000],
  ])("a TTL of %d ms: after %d ms", async (ttlMs, afterMs) => {
    scene.watcher.set(["a"]);
    await scene.answer(["1.0.0.1"], ttlMs);
    expect(await scene.later(afterMs - 1)).toEqual([]);
    expect(await scene.later(1)).toEqual(["a"]);
  });

  test("at random a little later than the TTL, a little earlier than the next try", async () => {
    scene.random = 1;
    scene.watcher.set(["a"]);
    await scene.answer(["1.0.0.1"], 10_000);
    expect(await scene.later(10_999)).toEqual([]);
    expect(await scene.later(1)).toEqual(["a"]);
    await scene.answer(failed);
    await scene.later(1_000);
    await scene.answer(failed);
    expect(await scene.later(1_599)).toEqual([]);
    expect(await scene.later(1)).toEqual(["a"]);
  });

  test("after failures later and later, up to 30 s", async () => {
    scene.watcher.set(["a"]);
    for (const afterMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      await scene.answer(failed);
      expect(await scene.later(afterMs - 1)).toEqual([]);
      expect(await scene.later(1)).toEqual(["a"]);
    }
    // A success ends that.
    await scene.answer(["1.0.0.1"], 5_000);
    await scene.later(5_000);
    await scene.answer(failed);
    expect(await scene.later(1_000)).toEqual(["a"]);
  });

  test("never more than 16 names at once, and all of them in the end", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `name-${index}`);
    scene.watcher.set(names);
    for (let left = 50; left > 0; left--) {
      expect(scene.questions).toHaveLength(Math.min(left, ASKING_MAX));
      await scene.answer(left % 2 === 0 ? failed : ["1.0.0.1"]);
    }
    expect(scene.asked).toBe(50);
  });
});

describe("what it tells", () => {
  test("a change, but not another order", async () => {
    scene.watcher.set(["a"]);
    expect(scene.watcher.addresses("a")).toEqual([]);
    await scene.answer(["1.0.0.1", "::1"]);
    for (const hosts of [["::1", "1.0.0.1"], ["::1"], ["::2"]]) {
      await scene.later(10_000);
      await scene.answer(hosts);
      expect(scene.watcher.addresses("a")).toEqual(all(...hosts));
    }
    expect(scene.told).toEqual([
      "a: none → 1.0.0.1 ::1, 0 failures",
      "a: ::1 1.0.0.1 → ::1, 0 failures",
      "a: ::1 → ::2, 0 failures",
    ]);
  });

  test("failures once, while the last good answer is kept", async () => {
    scene.watcher.set(["a"]);
    await scene.answer(["1.0.0.1"]);
    await scene.later(10_000);
    for (let count = 0; count < 3; count++) {
      await scene.answer(failed);
      expect(scene.watcher.addresses("a")).toEqual(all("1.0.0.1"));
      expect(await scene.watcher.ask("a")).toEqual(all("1.0.0.1"));
      await scene.later(30_000);
    }
    await scene.answer(["1.0.0.2"]);
    expect(scene.told.slice(1)).toEqual(["a: server_failed", "a: 1.0.0.1 → 1.0.0.2, 3 failures"]);
  });

  test("nothing when a name was never known; then its first answer", async () => {
    scene.watcher.set(["a"]);
    await scene.answer(failed);
    await scene.later(1_000);
    await scene.answer(failed);
    expect(scene.told).toEqual([]);
    await scene.later(2_000);
    await scene.answer(["1.0.0.1"]);
    expect(scene.told).toEqual(["a: none → 1.0.0.1, 2 failures"]);
  });
});

describe("another set of names", () => {
  test("what is known is kept, what is gone is asked for no more", async () => {
    scene.watcher.set(["a", "b"]);
    await scene.answer(["1.0.0.1"]);
    await scene.answer(["1.0.0.2"]);
    scene.watcher.set(["b", "c"]);
    expect(scene.watcher.addresses("a")).toEqual([]);
    expect(scene.watcher.addresses("b")).toEqual(all("1.0.0.2"));
    expect(scene.questions.map(({ name }) => name)).toEqual(["c"]);
    await scene.answer(["1.0.0.3"]);
    expect(await scene.later(10_000)).toEqual(["b", "c"]);
  });

  test("an answer that comes too late is not taken, for a name that came back neither", async () => {
    scene.watcher.set(["a"]);
    scene.watcher.set([]);
    scene.watcher.set(["a"]);
    await scene.answer(["1.0.0.1"]);
    expect(scene.watcher.addresses("a")).toEqual([]);
    await scene.answer(["1.0.0.2"]);
    expect(scene.watcher.addresses("a")).toEqual(all("1.0.0.2"));
    expect(scene.clock.pending).toBe(1);
  });

  test("a name that waits in line leaves it", async () => {
    const names = Array.from({ length: ASKING_MAX }, (_, index) => `name-${index}`);
    scene.watcher.set([...names, "last"]);
    const waiting = scene.watcher.ask("last");
    scene.watcher.set(names);
    await expect(waiting).rejects.toMatchObject({ code: "given_up" });
    await scene.answer(["1.0.0.1"]);
    expect(scene.asked).toBe(ASKING_MAX);
  });
});

describe("whoever asks it", () => {
  test("waits for the question that is under way, all for the same one", async () => {
    scene.watcher.set(["a"]);
    const waiting = [scene.watcher.ask("a"), scene.watcher.ask("a")];
    await scene.answer(["1.0.0.1"]);
    expect(await Promise.all(waiting)).toEqual([all("1.0.0.1"), all("1.0.0.1")]);
    expect(scene.asked).toBe(1);
  });

  test("makes it ask anew after a failure, but not within a second", async () => {
    scene.watcher.set(["a"]);
    for (let count = 0; count < 3; count++) {
      await scene.answer(failed);
      await scene.later(count < 2 ? 2 ** count * 1_000 : 0);
    }
    expect(scene.asked).toBe(3);
    await expect(scene.watcher.ask("a")).rejects.toBe(failed);
    await scene.later(1_000);
    const waiting = scene.watcher.ask("a");
    expect(scene.asked).toBe(4);
    await scene.answer(["1.0.0.1"], 60_000);
    expect(await waiting).toEqual(all("1.0.0.1"));
    // The retry that was due is not due any more.
    expect(await scene.later(59_999)).toEqual([]);
  });

  test("gets an answer for a name that is not watched, once", async () => {
    const waiting = scene.watcher.ask("other");
    await scene.answer(["1.0.0.1"]);
    expect(await waiting).toEqual(all("1.0.0.1"));
    expect(scene.watcher.addresses("other")).toEqual([]);
    expect([scene.clock.pending, scene.told]).toEqual([0, []]);
  });
});

test("once it is stopped nothing is asked, and nobody waits", async () => {
  scene.watcher.set(["a", "b", "c"]);
  await scene.answer(["1.0.0.1"]);
  await scene.answer(failed);
  const waiting = scene.watcher.ask("c");
  scene.watcher.stop();
  await expect(waiting).rejects.toMatchObject({ code: "given_up" });
  expect(scene.clock.pending).toBe(0);
  await scene.answer(["1.0.0.3"]);
  scene.watcher.set(["d"]);
  expect(await scene.later(1e6)).toEqual([]);
  expect(await scene.watcher.ask("a")).toEqual(all("1.0.0.1"));
  await expect(scene.watcher.ask("b")).rejects.toMatchObject({ code: "given_up" });
  expect(scene.told).toHaveLength(1);
});

test("whatever happens, each name has one question or one timer, and its last good answer", async () => {
  const name = fc.constantFrom("a", "b", "c", "d", "e");
  const step = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), names: fc.uniqueArray(name) }),
    fc.record({ kind: fc.constant("ask" as const), name }),
    fc.record({ kind: fc.constant("later" as const), ms: fc.nat(40_000) }),
    fc.record({ kind: fc.constant("good" as const), which: fc.nat(20), host: fc.nat(3) }),
    fc.record({ kind: fc.constant("bad" as const), which: fc.nat(20) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const one = new Scene();
      let wanted: readonly string[] = [];
      for (const action of steps) {
        if (action.kind === "set") {
          wanted = action.names;
          one.watcher.set(wanted);
        } else if (action.kind === "ask") {
          if (wanted.includes(action.name)) one.watcher.ask(action.name).catch(() => {});
        } else if (action.kind === "later") {
          await one.later(action.ms);
        } else if (one.questions.length > 0) {
          const [question] = one.questions.splice(action.which % one.questions.length, 1);
          if (question !== undefined) one.questions.unshift(question);
          await one.answer(action.kind === "good" ? [`1.0.0.${action.host}`] : failed);
        }
        await settled();
        const open = wanted.filter((each) =>
          one.questions.some((question) => question.name === each),
        );
        // Questions for names that have gone may still be open beside those of their successors.
        expect(one.clock.pending).toBeGreaterThanOrEqual(wanted.length - open.length);
        expect(one.clock.pending).toBeLessThanOrEqual(wanted.length);
        for (const each of ["a", "b", "c", "d", "e"]) {
          if (!wanted.includes(each)) expect(one.watcher.addresses(each)).toEqual([]);
        }
      }
      one.watcher.stop();
      expect(one.clock.pending).toBe(0);
    }),
    { numRuns: 300 },
  );
});

describe("with a DNS server", () => {
  let authority: TestAuthority;
  beforeEach(async () => {
    authority = await TestAuthority.start();
  });
  afterEach(() => authority[Symbol.dispose]());

  test("a name that moves, is out of reach and comes back", async () => {
    const clock = new TestClock();
    const told: string[] = [];
    const watcher = new NameWatcher(
      {
        onChange: (_, addresses) => told.push(text(addresses)),
        onFailing: (_, error) => told.push(error.code),
      },
      {
        clock,
        resolve: (name) =>
          resolveName(name, { servers: [authority.server], system: null, timeoutMs: 500 }),
      },
    );
    const tells = (count: number) =>
      waitFor(
        () => told.length === count,
        () => `it told ${count}: ${told}`,
      );
    authority.addresses("a.test", ["10.0.0.1"], 20);
    watcher.set(["a.test"]);
    await tells(1);
    authority.addresses("a.test", ["10.0.0.2", "2001:db8::2"], 20);
    clock.advance(22_000);
    await tells(2);
    for (const type of ["A", "AAAA"] as const) authority.knows("a.test", type, { code: 2 });
    clock.advance(22_000);
    await tells(3);
    expect(text(watcher.addresses("a.test"))).toBe("2001:db8::2 10.0.0.2");
    authority.addresses("a.test", ["10.0.0.3"], 20);
    clock.advance(1_000);
    await tells(4);
    expect(told).toEqual(["10.0.0.1", "2001:db8::2 10.0.0.2", "server_failed", "10.0.0.3"]);
    watcher.stop();
  });
});

describe("an address that has led nowhere", () => {
  const watching = async (ttlMs: number, scene = new Scene()) => {
    scene.watcher.set(["a.test"]);
    await scene.answer(["10.0.0.1"], ttlMs);
    return scene;
  };

  test("is asked for again, though its TTL is long, once a second at most", async () => {
    const scene = await watching(600_000);
    await scene.later(10_000);
    scene.watcher.refresh("a.test");
    expect(await scene.later(0)).toEqual(["a.test"]);
    // One that is asked for is not asked for twice.
    scene.watcher.refresh("a.test");
    await scene.answer(["10.0.0.2"], 600_000);
    expect(scene.watcher.addresses("a.test")).toEqual(all("10.0.0.2"));
    for (let count = 0; count < 100; count++) scene.watcher.refresh("a.test");
    expect(await scene.later(999)).toEqual([]);
    expect(await scene.later(1)).toEqual(["a.test"]);
    await scene.answer(["10.0.0.2"], 600_000);
    expect(scene.asked).toBe(3);
    // Nothing more is planned but what the TTL wants.
    expect(await scene.later(60_000)).toEqual([]);
  });

  test("does not come before the question that is planned anyway", async () => {
    const scene = await watching(1_000);
    scene.watcher.refresh("a.test");
    expect(scene.clock.pending).toBe(1);
    expect(await scene.later(1_000)).toEqual(["a.test"]);
    expect(scene.asked).toBe(2);
  });

  test("does not press a DNS that fails", async () => {
    const scene = await watching(1_000);
    await scene.later(1_000);
    await scene.answer(new NameError("timeout"));
    scene.watcher.refresh("a.test");
    expect(await scene.later(999)).toEqual([]);
    scene.watcher.refresh("b.test");
    scene.watcher.stop();
    scene.watcher.refresh("a.test");
    expect(scene.clock.pending).toBe(0);
  });
});

test("TTLs are taken for what is wanted at least and at most", async () => {
  const clock = new TestClock();
  let ttlMs = 0;
  let asked = 0;
  const resolve = async () => {
    asked++;
    return { addresses: all("10.0.0.1"), ttlMs };
  };
  const ttl = { minMs: 5_000, maxMs: 10_000 };
  const watcher = new NameWatcher({ onChange() {} }, { resolve, clock, random: () => 0, ttl });
  watcher.set(["a.test"]);
  await settled();
  clock.advance(4_999);
  await settled();
  expect(asked).toBe(1);
  ttlMs = 600_000;
  clock.advance(1);
  await settled();
  expect(asked).toBe(2);
  clock.advance(9_999);
  await settled();
  expect(asked).toBe(2);
  clock.advance(1);
  await settled();
  expect(asked).toBe(3);
  watcher.stop();
});
