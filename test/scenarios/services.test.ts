import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, formatAddress, type UpstreamAddress } from "../../src/base/address.ts";
import { defaults, listenerDefaults, uringDefaults } from "../../src/config/defaults.ts";
import { plainUpstream } from "../../src/config/listeners.ts";
import type {
  EngineName,
  ProxyOptions,
  UpstreamOptions,
  WantedListener,
} from "../../src/config/options.ts";
import { RunningProxy } from "../../src/control/proxy.ts";
import { ListenError } from "../../src/engine/listen-error.ts";
import { choose } from "../../src/engine/select.ts";
import { probe } from "../../src/engine/uring/probe.ts";
import type { Fields } from "../../src/relay/events.ts";
import { resolveName } from "../../src/upstream/names/resolver.ts";
import { PLACES_MAX, resolveService } from "../../src/upstream/names/service.ts";
import { TestAuthority, type TestRecord } from "../../src/upstream/names/test-authority.ts";
import { TestClock } from "../../src/upstream/names/test-clock.ts";
import { SLOTS_MAX } from "../../src/upstream/table.ts";
import { CliProcess, runCli } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { plainMemory } from "../fixtures/options.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { type Behaviour, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Upstreams that are services: a DNS server of the test's own says where they are (SRV).

setDefaultTimeout(60_000);

const linux = process.platform === "linux";
const uring = linux && choose("auto", probe()).name === "uring";
const SERVICE = "_redis._tcp.a.test";
const TTL = 60;
/** Longer than any test may take. */
const NEVER_MS = 120_000;

/** Engines, and how many threads relay. */
const fleets: readonly (readonly [EngineName, number])[] = [
  ["sockets", 1],
  ...(linux ? ([["sockets", 2]] as const) : []),
  ...(uring
    ? ([
        ["uring", 1],
        ["uring", 2],
      ] as const)
    : []),
];

/** Says its name, and again for whatever comes. */
function saying(name: string): Behaviour {
  return (end) => {
    end.send(name);
    end.onData = (self) => void self.send(name);
    end.onFin = (self) => void self.finish();
  };
}

/** An upstream that says which one it is: a letter. */
function upstream(name: string): Upstream {
  return Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, saying(name));
}

function portOf(address: Address | undefined): number {
  return address?.kind === "tcp" ? address.port : 0;
}

type Place = Partial<Omit<TestRecord & { type: "SRV" }, "type">>;

function srv(place: Place): TestRecord {
  return { type: "SRV", ttl: TTL, target: "127.0.0.1", port: 1, priority: 0, weight: 1, ...place };
}

class ServiceRecorder extends Recorder {
  readonly told: string[] = [];
  readonly changes: Fields<"serviceChanged">[] = [];
  serviceChanged(event: Fields<"serviceChanged">): void {
    this.changes.push(event);
  }
  serviceFailing({ name, why }: Fields<"serviceFailing">): void {
    this.told.push(`${name}: ${why}`);
  }
  serviceTrouble({ name, what }: Fields<"serviceTrouble">): void {
    this.told.push(`${name}: ${what}`);
  }
}

class Scene implements AsyncDisposable {
  readonly record = new ServiceRecorder();
  readonly clock = new TestClock();
  readonly upstreams: Upstream[] = [];
  readonly clients: End[] = [];
  /** What DNS gets for the answer of a service. */
  patienceMs = 400;
  private running: RunningProxy | null = null;

  private constructor(
    readonly authority: TestAuthority,
    private readonly engine: EngineName,
    private readonly workers: number,
  ) {}

  static async make(engine: EngineName = "sockets", workers = 1): Promise<Scene> {
    return new Scene(await TestAuthority.start(), engine, workers);
  }

  get proxy(): RunningProxy {
    if (this.running === null) throw new Error("no proxy was started");
    return this.running;
  }

  upstream(name: string): Upstream {
    const one = upstream(name);
    this.upstreams.push(one);
    return one;
  }

  /** From now on the service is at these places. */
  isAt(places: readonly (Upstream | Place)[], name = SERVICE): void {
    const records = places.map((one) =>
      srv(one instanceof Upstream ? { port: portOf(one.address) } : one),
    );
    this.authority.knows(name, "SRV", { records, isLong: records.length > 10 });
  }

  /** The answer is too old: it is asked for anew, and the proxy has heard the new one. */
  async changes(places: readonly (Upstream | Place)[], count: number): Promise<void> {
    this.isAt(places);
    this.clock.advance(TTL * 1_000);
    await this.changed(count);
  }

  /** That many changes are known, and taken up. */
  async changed(count: number): Promise<void> {
    const { changes } = this.record;
    await waitFor(
      () => changes.length >= count,
      () => `${count} changes are told, not ${changes.length}: ${this.record.told}`,
    );
    const known = new Set<string>();
    for (const { added, removed } of changes) {
      for (const member of removed) known.delete(member);
      for (const member of added) known.add(member);
    }
    // Those that have gone go when all workers know.
    await waitFor(
      () => this.memberSet.symmetricDifference(known).size === 0,
      () => `${known.size} are taken up, not ${this.memberSet.size}`,
    );
  }

  listener(
    upstreams: readonly UpstreamOptions<UpstreamAddress>[] = [service()],
    more: Partial<WantedListener> = {},
  ): WantedListener {
    return {
      ...listenerDefaults,
      address: { kind: "tcp", host: "127.0.0.1", port: 0 },
      upstreams,
      health: { ...listenerDefaults.health, ejection: null },
      ...more,
    };
  }

  options(...listeners: WantedListener[]): ProxyOptions {
    const { engine, workers } = this;
    const { drainTimeoutMs } = defaults;
    const rest = { totalRelays: 0, memory: plainMemory, uring: uringDefaults, drainTimeoutMs };
    const all = listeners.map((one) => ({ ...one, engine }));
    return { listeners: all, workers, ...rest, dnsServers: [] };
  }

  async start(...listeners: WantedListener[]): Promise<RunningProxy> {
    const servers = [this.authority.server];
    const all = listeners.length === 0 ? [this.listener()] : listeners;
    this.running = await RunningProxy.start(this.options(...all), this.record, undefined, {
      clock: this.clock,
      random: () => 0,
      resolve: (name) => resolveName(name, { servers, system: null, timeoutMs: 400 }),
      resolveService: (name) => resolveService(name, { servers, timeoutMs: this.patienceMs }),
    });
    return this.running;
  }

  get address(): Address {
    const [first] = this.proxy.listeners;
    if (first === undefined) throw new Error("the proxy has no listener");
    return first.address;
  }

  async client(): Promise<End> {
    const client = await End.connect(this.address, (end) => {
      end.keeps = true;
    });
    this.clients.push(client);
    return client;
  }

  /** What a client hears first; empty when its relay ends before. */
  async heard(): Promise<string> {
    const client = await this.client();
    await waitFor(() => client.receivedBytes > 0 || client.closed, "the client hears something");
    return text(client);
  }

  /** What so many clients hear, one after the other. */
  async many(count: number): Promise<string[]> {
    const heard: string[] = [];
    for (let index = 0; index < count; index++) heard.push(await this.heard());
    return heard.toSorted();
  }

  /** Whether a service has them, each once. */
  private get memberSet(): Set<string> {
    const members = this.proxy.upstreams.views().filter((one) => one.service !== null);
    return new Set(members.map((one) => one.upstream));
  }

  get members(): string[] {
    return this.proxy.upstreams.views().map(({ upstream: one }) => one);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) if (!client.closed) client.reset();
    await this.running?.stop(0);
    for (const one of this.upstreams) one.close();
    this.authority[Symbol.dispose]();
  }
}

function text(client: End): string {
  return Buffer.concat(client.chunks).toString();
}

/** Upstreams that nobody asks and that take rows. */
function strangers(count: number): UpstreamOptions[] {
  return Array.from({ length: count }, (_, index) =>
    plainUpstream({ kind: "tcp", host: `10.9.${index >> 8}.${index & 255}`, port: 1 }),
  );
}

function service(
  more: Partial<UpstreamOptions<UpstreamAddress>> = {},
  name = SERVICE,
): UpstreamOptions<UpstreamAddress> {
  return { ...plainUpstream({ kind: "service", name }), ...more };
}

/** Clients that come, ask once and go, and one that stays: until they are told to end. */
class Load {
  requests = 0;
  readonly failures: string[] = [];
  private isOver = false;
  private readonly work: Promise<void>[];

  constructor(private readonly address: Address) {
    this.work = [this.comeAndGo(), this.comeAndGo(), this.comeAndGo(), this.stay()];
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.work);
  }

  private async comeAndGo(): Promise<void> {
    while (!this.isOver) {
      const end = await End.connect(this.address);
      await this.request(end, 1);
      end.finish();
      await waitFor(() => end.closed || end.finSeen, "it is let go");
    }
  }

  private async stay(): Promise<void> {
    const end = await End.connect(this.address);
    for (let count = 1; !this.isOver; count++) await this.request(end, count);
    end.reset();
  }

  /** Each is answered by a letter, and the first letter comes unasked. */
  private async request(end: End, count: number): Promise<void> {
    end.send("?");
    await waitFor(() => end.receivedBytes > count || end.closed, "an answer");
    this.requests++;
    if (end.receivedBytes <= count) this.failures.push(end.closeCode ?? "closed");
  }
}

describe.each(fleets)("a service behind %s, %d workers", (engine, workers) => {
  test("moves under load: not one request fails, and relays that run stay", async () => {
    await using scene = await Scene.make(engine, workers);
    const [a, b, c] = [scene.upstream("a"), scene.upstream("b"), scene.upstream("c")];
    scene.isAt([a]);
    await scene.start();
    const stays = await scene.client();
    await waitFor(() => text(stays) === "a", "it is served");
    const load = new Load(scene.address);
    const places = [[b], [b, c], [c, a], [a, b, c], [b]];
    for (const [index, next] of places.entries()) {
      const before = load.requests;
      await scene.changes(next, 2 + index);
      await waitFor(() => load.requests > before + 20, "clients go on");
    }
    expect(await scene.many(4)).toEqual(["b", "b", "b", "b"]);
    await load.end();
    expect(load.failures).toEqual([]);
    stays.send("?");
    await waitFor(() => text(stays) === "aa", "the oldest relay goes on");
    expect(scene.record.dialsFailed).toEqual([]);
  });

  test("that nobody knows yet lets clients wait, and serves them when it is there", async () => {
    await using scene = await Scene.make(engine, workers);
    const dial = { ...listenerDefaults.dial, holdMs: NEVER_MS };
    await scene.start(scene.listener([service()], { dial }));
    expect(scene.members).toEqual([]);
    const clients = [await scene.client(), await scene.client()];
    const { engine: running } = scene.proxy;
    await waitFor(async () => (await running.relays()).length === 2, "they are held");
    scene.isAt([scene.upstream("a")]);
    scene.clock.advance(1_000);
    for (const client of clients) await waitFor(() => text(client) === "a", "it is served");
    expect(scene.record.changes).toMatchObject([{ name: SERVICE, count: 1, isNews: true }]);
  });

  test("that nobody knows has no upstream for who does not wait", async () => {
    await using scene = await Scene.make(engine, workers);
    await scene.start();
    expect(await scene.heard()).toBe("");
    await waitFor(() => scene.record.ended.length === 1, "its end is told");
    expect(scene.record.reasons).toEqual(["no_upstream"]);
  });

  test("keeps its members while DNS is dead, and when it says that there are none", async () => {
    await using scene = await Scene.make(engine, workers);
    scene.isAt([scene.upstream("a")]);
    await scene.start();
    expect(scene.record.changes).toMatchObject([{ count: 1, isNews: false }]);
    const { authority, clock, record } = scene;
    const before = record.told.length;
    const bad = [
      { code: 3 },
      { records: [] },
      { records: [srv({ target: "" })] },
      { records: [srv({ port: 0 })] },
      { records: [srv({ target: "no name" })] },
      { code: 2 },
      { isSilent: true },
    ];
    for (const reply of bad) {
      const asked = authority.count(SERVICE);
      authority.knows(SERVICE, "SRV", reply);
      clock.advance(300_000);
      await waitFor(() => authority.count(SERVICE) > asked, "it is asked for");
      await waitFor(() => clock.pending === 1, "the answer is here");
      expect(await scene.heard()).toBe("a");
    }
    // Told once, whatever it is that fails.
    expect(record.told.slice(before)).toEqual([`${SERVICE}: unknown host`]);
    await scene.changes([scene.upstream("b")], 2);
    expect(await scene.heard()).toBe("b");
  });

  test("of whose members one leaves has its relays ended, if that is wanted", async () => {
    await using scene = await Scene.make(engine, workers);
    const [a, b] = [scene.upstream("a"), scene.upstream("b")];
    scene.isAt([a]);
    const { health } = scene.listener();
    await scene.start(scene.listener([service()], { health: { ...health, onRemove: 0 } }));
    const client = await scene.client();
    await waitFor(() => text(client) === "a", "it is served");
    await scene.changes([b], 2);
    await waitFor(() => scene.record.ended.length === 1, "its relay has ended");
    expect(scene.record.reasons).toEqual(["upstream_gone"]);
    expect(await scene.heard()).toBe("b");
  });

  test("goes through a reload that comes at the same time", async () => {
    await using scene = await Scene.make(engine, workers);
    const [a, b, c] = [scene.upstream("a"), scene.upstream("b"), scene.upstream("c")];
    scene.isAt([a]);
    const proxy = await scene.start();
    const load = new Load(scene.address);
    const [other, plain] = [scene.listener(), plainUpstream(c.address)];
    // Reloads follow each other, and all the while the service moves.
    for (let round = 0; round < 10; round++) {
      const twice = proxy.reload(scene.options(scene.listener([service(), plain]), other));
      scene.isAt(round % 2 === 0 ? [b] : [a]);
      scene.clock.advance(TTL * 1_000);
      const once = proxy.reload(scene.options(scene.listener([service()])));
      await Promise.all([twice, once]);
      await waitFor(() => scene.record.changes.length >= 2 + round, "it has moved");
    }
    await scene.changed(11);
    await load.end();
    expect(load.failures).toEqual([]);
    expect(scene.members).toEqual([formatAddress(a.address)]);
    expect(await scene.heard()).toBe("a");
  });
});

describe("members", () => {
  test("have the weights and priorities of their records, and what is said of the service", async () => {
    await using scene = await Scene.make();
    const [a, b] = [scene.upstream("a"), scene.upstream("b")];
    scene.isAt([
      { port: portOf(a.address), weight: 2 },
      { port: portOf(b.address), weight: 1 },
      { port: 9, priority: 1, weight: 4 },
    ]);
    await scene.start(scene.listener([service({ maxRelays: 7 })]));
    expect(scene.proxy.upstreams.views()).toMatchObject([
      { weight: 2, isBackup: false, maxRelays: 7, service: SERVICE },
      { weight: 1, isBackup: false, maxRelays: 7, service: SERVICE },
      { weight: 4, isBackup: true, maxRelays: 7, service: SERVICE },
    ]);
    expect(await scene.many(6)).toEqual(["a", "a", "a", "a", "b", "b"]);
    await scene.proxy.reload(scene.options(scene.listener([service({ isBackup: true })])));
    expect(scene.proxy.upstreams.views().map(({ isBackup }) => isBackup)).toEqual([
      true,
      true,
      true,
    ]);
  });

  test("keep their rows, their relays and what was asked of them", async () => {
    await using scene = await Scene.make();
    const [a, b, c] = [scene.upstream("a"), scene.upstream("b"), scene.upstream("c")];
    scene.isAt([a]);
    await scene.start();
    expect(await scene.heard()).toBe("a");
    const [before] = scene.proxy.upstreams.views();
    scene.proxy.upstreams.set(before?.id ?? -1, { state: "drain" });
    await scene.changes([a, b, c], 2);
    const row = scene.proxy.upstreams.views().find(({ id }) => id === before?.id);
    expect(row).toMatchObject({ upstream: before?.upstream, running: 1, state: "drain" });
    expect(await scene.many(2)).toEqual(["b", "c"]);
    await scene.changes([a], 3);
    expect(scene.members).toEqual([formatAddress(a.address)]);
    expect(await scene.heard()).toBe("");
  });

  test("with other weights are the same ones", async () => {
    await using scene = await Scene.make();
    const [a, b] = [scene.upstream("a"), scene.upstream("b")];
    scene.isAt([a, b]);
    await scene.start();
    const ids = scene.proxy.upstreams.views().map(({ id }) => id);
    await scene.changes([{ port: portOf(a.address), weight: 3 }, b], 2);
    const weights = () => scene.proxy.upstreams.views().map(({ weight }) => weight);
    await waitFor(() => weights().includes(3), "it is taken up");
    expect(scene.record.changes[1]).toMatchObject({ count: 2, added: [], removed: [] });
    expect(new Set(scene.proxy.upstreams.views().map(({ id }) => id))).toEqual(new Set(ids));
    expect(await scene.many(4)).toEqual(["a", "a", "a", "b"]);
  });

  test("that are configured by their address as well stay what they are", async () => {
    await using scene = await Scene.make();
    const [a, b] = [scene.upstream("a"), scene.upstream("b")];
    scene.isAt([a, b]);
    const plain = { ...plainUpstream(a.address), maxRelays: 9 };
    await scene.start(scene.listener([service(), plain, service()]));
    expect(scene.proxy.upstreams.views()).toMatchObject([
      { upstream: formatAddress(b.address), service: SERVICE, maxRelays: 0 },
      { upstream: formatAddress(a.address), service: null, maxRelays: 9 },
    ]);
    scene.isAt([b]);
    scene.clock.advance(TTL * 1_000);
    await waitFor(() => scene.record.changes.length === 2, "it has changed");
    expect(await scene.many(2)).toEqual(["a", "b"]);
  });

  test("are 256 at most, however many there are", async () => {
    await using scene = await Scene.make();
    scene.patienceMs = 10_000;
    const many = (from: number) =>
      // Not of this machine: the proxy's own port must not be among them.
      Array.from({ length: 2_000 }, (_, index) => ({ target: "10.9.9.9", port: from + index }));
    scene.isAt(many(1_000));
    await scene.start();
    expect(scene.members).toHaveLength(PLACES_MAX);
    expect(scene.record.told).toEqual([
      `${SERVICE}: 1,744 records left out, as nobody can dial them or they are beyond 256`,
    ]);
    // Again and again others: more than there are rows.
    for (let round = 2; round < 30; round++) await scene.changes(many(2_000 * round), round);
    expect(scene.members).toHaveLength(PLACES_MAX);
  });

  test("that find no row stay away until there are some", async () => {
    await using scene = await Scene.make();
    const a = scene.upstream("a");
    const { record, clock } = scene;
    const many = (round: number) =>
      Array.from({ length: PLACES_MAX }, (_, index) => ({ port: 1_000 * round + index }));
    scene.patienceMs = 10_000;
    scene.isAt(many(1));
    // Of all rows twice as many are left as a service has members.
    const others = strangers(SLOTS_MAX - 2 * PLACES_MAX);
    const proxy = await scene.start(scene.listener(), scene.listener(others));
    const { table } = proxy.upstreams;
    const views = () => proxy.upstreams.views().filter((one) => one.service !== null);
    const members = () => views().map(({ upstream }) => upstream);
    const occupied: number[] = [];
    // Relays are left at all members that have ever been.
    const occupy = () => {
      for (const { id } of views()) {
        table.enter(id, 0);
        occupied.push(id);
      }
    };
    occupy();
    await scene.changes(many(2), 2);
    const before = members();
    scene.isAt([a, ...many(3).slice(1)]);
    clock.advance(TTL * 1_000);
    const told = () => record.told.some((line) => line.includes("its members stay as they were"));
    await waitFor(told, "they cannot be taken up");
    expect(members()).toEqual(before);
    for (const slot of occupied) table.leave(slot);
    clock.advance(10_000);
    await waitFor(() => members().includes(formatAddress(a.address)), "they are taken up");
    expect(members()).toHaveLength(PLACES_MAX);
  });

  test("of many services together have as many rows as there are", async () => {
    await using scene = await Scene.make();
    scene.patienceMs = 10_000;
    const count = 8;
    const names = Array.from({ length: count }, (_, index) => `_s${index}._tcp.a.test`);
    const places = Array.from({ length: PLACES_MAX }, (_, index) => ({ port: 1_000 + index }));
    for (const name of names) scene.isAt(places, name);
    const plain = plainUpstream(scene.upstream("a").address);
    const listeners = names.map((name) => scene.listener([service({}, name), plain]));
    // A row of each listener, and one of all, are for limits; four services and a half find room.
    const left = SLOTS_MAX - (count + 1) - 1 - count;
    const others = strangers(left - 4.5 * PLACES_MAX);
    await scene.start(...listeners, scene.listener(others));
    expect(scene.members).toHaveLength(left + count);
    // The last listeners have what was configured.
    const configured = scene.proxy.upstreams.views().filter((one) => one.service === null);
    expect(configured).toHaveLength(count + others.length);
    const told = scene.record.told.filter((line) => line.includes("too many"));
    expect(told).toHaveLength(count - 4);
  });

  test("that are a listener of the proxy itself are left out", async () => {
    await using scene = await Scene.make();
    const a = scene.upstream("a");
    const free = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, () => {});
    const { address } = free;
    free.close();
    const own = { port: portOf(address) };
    scene.isAt([a, own]);
    const listener = scene.listener([service()], { address });
    await scene.start(listener, scene.listener());
    expect(new Set(scene.members)).toEqual(new Set([formatAddress(a.address)]));
    const line = (port: number) => `${SERVICE}: 127.0.0.1:${port} is this very proxy: left out`;
    expect(scene.record.told).toEqual([line(own.port)]);
    // A port that the system has picked is one, too; so is what only looks like another address.
    const picked = portOf(scene.proxy.listeners[1]?.address);
    scene.isAt([a, { port: picked }, { target: "localhost", port: picked }]);
    scene.clock.advance(TTL * 1_000);
    await waitFor(() => scene.record.told.length === 3, "all are told");
    expect(new Set(scene.members)).toEqual(new Set([formatAddress(a.address)]));
    expect(scene.record.told.slice(1).toSorted()).toEqual([
      line(picked),
      `${SERVICE}: localhost:${picked} is this very proxy: left out`,
    ]);
    expect(await scene.many(3)).toEqual(["a", "a", "a"]);
  });
});

test("a reload that fails keeps services, one that takes them away asks no more", async () => {
  await using scene = await Scene.make();
  const [a, b] = [scene.upstream("a"), scene.upstream("b")];
  scene.isAt([a]);
  const proxy = await scene.start();
  expect(scene.clock.pending).toBe(1);
  const taken = scene.listener([service({}, "_other._tcp.a.test")], { address: b.address });
  scene.isAt([b], "_other._tcp.a.test");
  await expect(proxy.reload(scene.options(taken))).rejects.toBeInstanceOf(ListenError);
  expect(scene.clock.pending).toBe(1);
  scene.isAt([b]);
  scene.clock.advance(TTL * 1_000);
  await waitFor(() => scene.members[0] === formatAddress(b.address), "it has moved");
  expect(await scene.heard()).toBe("b");
  const plan = await proxy.reload(scene.options(scene.listener([plainUpstream(a.address)])));
  expect([plan.upstreamsAdded, plan.upstreamsRemoved]).toEqual([
    [formatAddress(a.address)],
    [`srv:${SERVICE}`],
  ]);
  expect(scene.clock.pending).toBe(0);
  expect(await scene.heard()).toBe("a");
});

test("a listener that was drained gets the members of now when it comes back", async () => {
  await using scene = await Scene.make();
  const [a, b] = [scene.upstream("a"), scene.upstream("b")];
  scene.isAt([a]);
  const listener = scene.listener([service()], { name: "one" });
  const proxy = await scene.start(listener);
  expect(await proxy.drainListener("one")).toBe(true);
  await scene.changes([b], 2);
  await proxy.reload(scene.options(listener));
  expect(await scene.heard()).toBe("b");
});

test.each(fleets)(
  "a member whose name leads back is not dialled by %s, %d",
  async (engine, workers) => {
    await using scene = await Scene.make(engine, workers);
    const [a] = [scene.upstream("a")];
    scene.isAt([a]);
    await scene.start();
    const port = portOf(scene.address);
    for (const hosts of [["127.0.0.1"], ["127.0.0.1", "::ffff:127.0.0.1"]]) {
      scene.authority.addresses("back.test", hosts, TTL);
      const { changes, ended } = scene.record;
      const before = ended.length;
      await scene.changes(
        [{ target: "back.test", port, weight: changes.length }],
        changes.length + 1,
      );
      expect(scene.members).toEqual([`back.test:${port}`]);
      expect(await scene.heard()).toBe("");
      await waitFor(() => ended.length === before + 1, "one relay has ended, and no other one");
      expect(scene.record.reasons.at(-1)).toBe("own_address");
      expect(scene.record.told.at(-1)).toContain("is this very proxy");
    }
  },
);

describe("the command line", () => {
  const unknown = "srv:_redis._tcp.ringway-test.invalid";
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ringway-services-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("a service that nobody knows is a warning at the start", async () => {
    await using proxy = new CliProcess(["-l", "127.0.0.1:0", "-u", unknown]);
    await proxy.port();
    await proxy.logged(new RegExp(`→ ${unknown}`));
    await proxy.logged(
      new RegExp(`cannot relay to ${unknown} yet: .*; it is looked up again and again`),
    );
    expect(await proxy.stop()).toMatchObject({ code: 0 });
  });

  test("the servers that are to be asked are asked, and nobody else", async () => {
    using authority = await TestAuthority.start();
    const member = upstream("a");
    const named = upstream("b");
    authority.knows(SERVICE, "SRV", { records: [srv({ port: portOf(member.address) })] });
    authority.addresses("host.a.test", ["127.0.0.1"], TTL);
    const { host, port } = authority.server;
    // Whoever comes before the service is known is held.
    const servers = ["--dns-servers", `${host}:${port}`, "--hold-timeout", "10s"];
    for (const [upstreams, says] of [
      [["-u", `srv:${SERVICE}`], "a"],
      [["-u", `host.a.test:${portOf(named.address)}`], "b"],
      [["-u", `localhost:${portOf(named.address)}`], "b"],
    ] as const) {
      await using proxy = new CliProcess(["-l", "127.0.0.1:0", ...servers, ...upstreams]);
      const client = await End.connect(
        { kind: "tcp", host: "127.0.0.1", port: await proxy.port() },
        (end) => {
          end.keeps = true;
        },
      );
      await waitFor(() => client.receivedBytes > 0 || client.closed, "it has heard something");
      expect(client.text).toBe(says);
      client.reset();
      expect(await proxy.stop()).toMatchObject({ code: 0 });
    }
    expect(new Set(authority.asked.map(({ name }) => name))).toEqual(
      new Set([SERVICE, "host.a.test"]),
    );
    member.close();
    named.close();
  });

  test("a check asks nobody", async () => {
    const path = join(folder, "ringway.toml");
    await writeFile(
      path,
      `listen = ":6380"\nupstream = { address = "${unknown}", backup = true }\n`,
    );
    const { code, out } = await runCli("check", path);
    expect(code).toBe(0);
    expect(out).toContain(`ok: 1 listener, 1 upstream\n  [::]:6380 → ${unknown}\n`);
    await writeFile(path, `upstream = { address = "${unknown}", weight = 3 }\n`);
    const wrong = await runCli("check", path);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain("is not for a service, whose records have weights: leave it out");
  });
});
