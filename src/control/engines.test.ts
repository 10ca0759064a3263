import { expect, test } from "bun:test";
import type { Address } from "../base/address.ts";
import { listenerDefaults, uringDefaults } from "../config/defaults.ts";
import type { EngineName, ListenerOptions } from "../config/options.ts";
import {
  type Acceptance,
  accepts,
  type MovableEngine,
  type MovableListening,
  paused,
} from "../engine/engine.ts";
import { ListenError } from "../engine/listen-error.ts";
import type { GivenSockets } from "../engine/listening-socket.ts";
import { EngineUnsupportedError } from "../engine/select.ts";
import type { ProxyEvent } from "../relay/events.ts";
import type { EngineStats } from "../relay/ledger/stats.ts";
import { noStats } from "../relay/ledger/total.ts";
import type { Observer } from "../relay/observer.ts";
import { closeDescriptor, duplicate } from "../system/libc.ts";
import { TestClock } from "../upstream/names/test-clock.ts";
import { EngineChoices } from "./engine-choices.ts";
import { type EnginePlace, Engines } from "./engines.ts";
import { nextOf } from "./test-next.ts";

/** An engine that does nothing, and remembers. */
class FakeEngine implements MovableEngine {
  readonly told: string[] = [];
  readonly counted: EngineStats;
  acceptanceNow: Acceptance = accepts;
  /** What the next listen throws. */
  failure: Error | null = null;
  readonly stopped = Promise.withResolvers<number>();

  constructor(
    readonly name: EngineName,
    readonly place: EnginePlace,
    readonly observer: Observer,
  ) {
    this.counted = noStats(name);
  }

  async listen({ address }: ListenerOptions, given?: GivenSockets): Promise<MovableListening> {
    this.told.push(given === undefined ? "listens" : "takes over");
    for (const { descriptor } of given?.sockets ?? []) closeDescriptor(descriptor);
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
    const { told } = this;
    return {
      address,
      update: async ({ backlog }) => void told.push(`updates to ${backlog}`),
      close: async () => void told.push("closes"),
      handOver: async () => {
        told.push("hands over");
        return { sockets: [{ descriptor: duplicate(0), address }], areOwn: true };
      },
    };
  }
  stop(drainTimeoutMs: number): Promise<number> {
    this.told.push(`stops within ${drainTimeoutMs}`);
    return this.stopped.promise;
  }
  stats(): EngineStats {
    return structuredClone(this.counted);
  }
  async relays() {
    return [];
  }
  async acceptance() {
    return this.acceptanceNow;
  }
  cut(relay: number): void {
    this.told.push(`cuts ${relay}`);
  }
  drop(): void {}
}

/** Engines of which each may be had, but for those that a test takes away. */
function scene(workers = 2) {
  const made: FakeEngine[] = [];
  const events: ProxyEvent[] = [];
  const clock = new TestClock();
  const lacking = new Set<EngineName>();
  const choices = new EngineChoices(uringDefaults, (wanted, uring) => {
    const name = wanted === "auto" ? "uring" : wanted;
    if (lacking.has(name)) throw new EngineUnsupportedError(`engine ${name}: not here`);
    return { name, why: "for a test", fellBack: false, uring, notes: [] };
  });
  const engines = new Engines(
    {
      workers,
      newEngine: ({ name }, place, observer) => {
        const engine = new FakeEngine(name, place, observer);
        made.push(engine);
        return engine;
      },
    },
    choices,
    { wantsStarts: false, on: (event) => void events.push(event) },
    clock,
  );
  return { engines, made, clock, lacking, events };
}

const address: Address = { kind: "tcp", host: "127.0.0.1", port: 1 };

function on(engine: ListenerOptions["engine"], backlog = 9): ListenerOptions {
  return { ...listenerDefaults, address, upstreams: [], engine, backlog };
}

test("an engine is made for its first listener, and each has numbers of its own", async () => {
  const { engines, made } = scene();
  expect(engines.stats().relays.accepted).toBe(0);
  await engines.listen(on("auto"));
  await engines.listen(on("uring"));
  expect(made).toHaveLength(1);
  const [first] = made as [FakeEngine];
  expect(first.place).toMatchObject({ isAlone: true, workersBefore: 0, firstRelay: 1 });
  expect(new Int32Array(first.place.sharing)[0]).toBe(2);
  await engines.listen(on("sockets"));
  const [, second] = made as [FakeEngine, FakeEngine];
  expect(second.place).toMatchObject({ isAlone: false, workersBefore: 2, firstRelay: 1e15 + 1 });
  expect(second.place.sharing).toBe(first.place.sharing);
  expect(new Int32Array(first.place.sharing)[0]).toBe(4);
  expect(engines.name).toBe("uring");
  expect(engines.inUse.map(({ choice, listeners }) => [choice.name, listeners])).toEqual([
    ["uring", 2],
    ["sockets", 1],
  ]);
});

test("of one engine figures are its own, of two the sum", async () => {
  const { engines, made, clock } = scene();
  await engines.listen(on("uring"));
  const [first] = made as [FakeEngine];
  first.counted.relays.accepted = 3;
  first.counted.durationMs = 77;
  expect(engines.stats()).toEqual(first.counted);
  await engines.listen(on("sockets"));
  const [, second] = made as [FakeEngine, FakeEngine];
  second.counted.relays.accepted = 4;
  clock.advance(500);
  expect(engines.stats()).toMatchObject({ durationMs: 500, relays: { accepted: 7 } });
});

test("one without listeners goes after its last relay, and what it has counted stays", async () => {
  const { engines, made, clock } = scene();
  await engines.listen(on("uring"));
  const listening = await engines.listen(on("sockets"));
  const [, second] = made as [FakeEngine, FakeEngine];
  second.counted.relays.accepted = 5;
  second.counted.relays.running = 1;
  second.counted.memory.poolBytes = 8;
  await listening.close();
  clock.advance(5_000);
  expect(second.told).toEqual(["listens", "closes"]);
  second.counted.relays.running = 0;
  clock.advance(1_000);
  expect(second.told.at(-1)).toBe("stops within 5000");
  expect(engines.inUse).toHaveLength(1);
  expect(engines.stats().relays.accepted).toBe(5);
  // The next one has to wait for its place.
  const again = engines.listen(on("sockets"));
  await Promise.resolve();
  expect(made).toHaveLength(2);
  second.stopped.resolve(0);
  await again;
  const third = made[2] as FakeEngine;
  expect(third.place.firstRelay).toBe(1e15 + 1 + 2 * 6);
  expect(third.place.workersBefore).toBe(2);
  expect(new Int32Array(third.place.sharing)[0]).toBe(4);
  const { relays, memory } = engines.stats();
  expect([relays.accepted, memory.poolBytes]).toEqual([5, 0]);
});

test("a listener moves when its options say so, with its sockets", async () => {
  const { engines, made } = scene();
  const listening = await engines.listen(on("uring"));
  const [first] = made as [FakeEngine];
  await listening.update(on("auto", 10));
  await listening.update(on("sockets", 11));
  const [, second] = made as [FakeEngine, FakeEngine];
  await listening.update(on("sockets", 12));
  await listening.close();
  expect(first.told).toEqual(["listens", "updates to 10", "hands over"]);
  expect(second.told).toEqual(["takes over", "updates to 12", "closes"]);
});

test("one that cannot move stays where it was", async () => {
  const { engines, made, clock } = scene();
  const listening = await engines.listen(on("uring"));
  await engines.listen(on("sockets"));
  const [first, second] = made as [FakeEngine, FakeEngine];
  second.failure = new ListenError(address, "EINVAL", "it cannot");
  await expect(listening.update(on("sockets"))).rejects.toThrow("it cannot");
  expect(first.told).toEqual(["listens", "hands over", "takes over"]);
  expect(engines.inUse.map(({ listeners }) => listeners)).toEqual([1, 1]);
  clock.advance(5_000);
  expect(first.told.at(-1)).toBe("takes over");
  await listening.update(on("uring", 13));
  expect(first.told.at(-1)).toBe("updates to 13");
});

test("an engine that cannot run is refused before anything is done, and asked for again", async () => {
  const { engines, made, lacking } = scene();
  await engines.listen(on("sockets"));
  lacking.add("uring");
  const next = nextOf([on("sockets"), on("uring")]);
  expect(() => engines.stage(next)).toThrow("engine uring: not here");
  expect(made).toHaveLength(1);
  lacking.clear();
  await engines.stage(next).commit();
  expect(engines.check(next.wanted.listeners)).toEqual(new Set(["sockets", "uring"]));
});

test("a listener with TLS is on sockets, whatever it asks for", async () => {
  const { engines, made, lacking } = scene();
  lacking.add("uring");
  const tls = { certificates: [] } as unknown as NonNullable<ListenerOptions["tls"]>;
  const listening = await engines.listen({ ...on("uring"), tls });
  expect(made.map(({ name }) => name)).toEqual(["sockets"]);
  expect(engines.inUse[0]?.choice.why).toBe("as a listener with TLS needs it");
  // Without it the listener would have to move.
  await expect(listening.update(on("uring"))).rejects.toThrow("not here");
  lacking.clear();
  await listening.update(on("uring"));
  expect(made.map(({ name }) => name)).toEqual(["sockets", "uring"]);
});

test("beside another one that is wanted none is alone", async () => {
  const { engines, made } = scene();
  await engines.stage(nextOf([on("sockets"), on("uring")])).commit();
  await engines.listen(on("sockets"));
  expect(made[0]?.place.isAlone).toBe(false);
});

test("clients are accepted where all engines with listeners accept", async () => {
  const { engines, made } = scene();
  const listening = await engines.listen(on("uring"));
  const [first] = made as [FakeEngine];
  first.acceptanceNow = paused;
  expect(await engines.acceptance()).toBe(paused);
  await engines.listen(on("sockets"));
  const [, second] = made as [FakeEngine, FakeEngine];
  expect(await engines.acceptance()).toMatchObject({ state: "paused" });
  expect((await engines.acceptance()).why).toStartWith("engine uring: accepting is paused");
  second.acceptanceNow = { state: "absent", why: "worker 3 does not answer" };
  const why = "engine sockets: worker 3 does not answer";
  expect(await engines.acceptance()).toEqual({ state: "absent", why });
  second.acceptanceNow = accepts;
  await listening.close();
  expect(await engines.acceptance()).toBe(accepts);
});

test("a state begins with the first engine that is in it, and ends with the last", async () => {
  const { engines, made, events } = scene();
  await engines.listen(on("uring"));
  await engines.listen(on("sockets"));
  const [first, second] = made as [FakeEngine, FakeEngine];
  for (const event of ["poolEmpty", "poolRefilled"] as const) {
    first.observer.on({ event });
    second.observer.on({ event });
  }
  expect(events.map(({ event }) => event)).toEqual(["poolEmpty", "poolRefilled"]);
});

test("all stop, and nobody listens any more", async () => {
  const { engines, made } = scene();
  await engines.listen(on("uring"));
  const listening = await engines.listen(on("sockets"));
  const stopped = engines.stop(7);
  for (const [index, engine] of made.entries()) {
    expect(engine.told.at(-1)).toBe("stops within 7");
    engine.stopped.resolve(index + 1);
  }
  expect(await stopped).toBe(3);
  await expect(engines.listen(on("uring"))).rejects.toMatchObject({ code: "ECANCELED" });
  // A reload that comes too late changes nothing.
  await listening.update(on("uring"));
  expect(made.map(({ told }) => told.length)).toEqual([2, 2]);
});
