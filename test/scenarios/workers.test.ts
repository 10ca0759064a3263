import { afterEach, describe, expect, test } from "bun:test";
import type { Address, TcpAddress } from "../../src/base/address.ts";
import { uringDefaults } from "../../src/config/defaults.ts";
import type { EngineName, MirrorOptions } from "../../src/config/options.ts";
import { Fleet } from "../../src/control/fleet.ts";
import type { Listening } from "../../src/engine/engine.ts";
import { choose } from "../../src/engine/select.ts";
import { ThreadEngine } from "../../src/engine/thread/thread-engine.ts";
import { probe } from "../../src/engine/uring/probe.ts";
import type { UpstreamStats } from "../../src/relay/ledger/stats.ts";
import { hearing, together } from "../../src/relay/observer.ts";
import { UpstreamTable } from "../../src/upstream/table.ts";
import { End } from "../fixtures/end.ts";
import { noNames } from "../fixtures/engines.ts";
import {
  BLOCKING_BYTES,
  FATAL_BYTES,
  SILENT_BYTES,
  Standstill,
} from "../fixtures/failing-worker.ts";
import { listener, plainMemory, rowed } from "../fixtures/options.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { echo, sink, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Several workers that relay as one: SO_REUSEPORT spreads only on Linux.

const linux = process.platform === "linux";
const engines: EngineName[] = linux
  ? [...new Set(["sockets" as const, choose("auto", probe()).name])]
  : [];
const url = new URL("../fixtures/failing-worker.ts", import.meta.url);
const anyPort: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** A listener that has a port. */
function portOf(listening: Listening): { address: TcpAddress; close: () => Promise<void> } {
  const { address } = listening;
  if (address.kind !== "tcp") throw new Error("it has a port");
  return { address, close: () => listening.close() };
}

/** Workers that meet a defect when they are told to, in front of an echo. */
class Crew implements AsyncDisposable {
  readonly record = new Recorder();
  readonly upstream = Upstream.listen(anyPort, echo);
  readonly clients: End[] = [];
  readonly fleet: Fleet;
  /** See {@link Standstill}. */
  readonly standstill = new Int32Array(new SharedArrayBuffer(4));
  /** What all workers know of the upstream, as a proxy has it. */
  readonly table: UpstreamTable;

  constructor(
    name: EngineName,
    readonly workers: number,
  ) {
    this.table = new UpstreamTable(workers);
    this.table.openAll();
    const { memory: upstreams } = this.table;
    this.fleet = new Fleet(
      {
        name,
        workers,
        newWorker: (share, observer, onFailed) => {
          const standstill = this.standstill.buffer;
          const born = { memory: plainMemory, uring: uringDefaults, engine: name, standstill };
          const birth = { ...born, share: { ...share, upstreams } };
          return new ThreadEngine({ name, url, birth, onFailed, resolve: noNames }, observer);
        },
      },
      together([
        this.record,
        hearing({ workerFailed: ({ worker }) => this.table.forget(worker - 1) }),
      ]),
    );
  }

  listen(address: Address = anyPort, mirror: MirrorOptions | null = null): Promise<Listening> {
    const upstreams = [rowed(this.upstream.address, 0)];
    return this.fleet.listen(listener({ address, upstreams, mirror }));
  }

  /** Connects so many clients, each of which has got an echo of so many bytes. */
  async connect(address: Address, count: number, total = 100): Promise<End[]> {
    const clients = await Promise.all(
      Array.from({ length: count }, (_, seed) =>
        End.connect(address, (end) => {
          end.expects(seed).offer({ seed, total });
        }),
      ),
    );
    this.clients.push(...clients);
    await waitFor(
      () => clients.every(({ receivedBytes }) => receivedBytes === total),
      () => `every echo is there: ${clients.join("; ")}`,
    );
    return clients;
  }

  /** Relays that run, by their worker. */
  async spread(): Promise<number[]> {
    const counts = Array<number>(this.workers).fill(0);
    for (const { id } of await this.fleet.relays()) (counts[(id - 1) % this.workers] as number)++;
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.reset();
    await this.fleet.stop(0);
    this.upstream.close();
  }
}

describe.each(engines)("workers with engine %s", (name) => {
  let crew: Crew;
  const begin = (workers: number) => {
    crew = new Crew(name, workers);
    return crew;
  };
  afterEach(async () => {
    await crew[Symbol.asyncDispose]();
  });

  test("share the clients, and count as one", async () => {
    const { fleet } = begin(3);
    const { address } = await crew.listen();
    const clients = await crew.connect(address, 300);
    // The kernel deals by a hash: far from even would be a defect, exactly even is no promise.
    for (const count of await crew.spread()) expect(count).toBeGreaterThan(50);
    expect(new Set((await fleet.relays()).map(({ id }) => id)).size).toBe(300);
    expect(fleet.stats().relays).toMatchObject({ accepted: 300, running: 300, ended: 0 });
    for (const client of clients) client.finish();
    await waitFor(() => crew.record.ended.length === 300, "all have ended");
    const { relays, up } = fleet.stats();
    expect(relays).toMatchObject({ running: 0, ended: 300, reasons: { client_fin: 300 } });
    expect(up.receivedBytes).toBe(300 * 100);
  });

  test("two of them share 1,000 clients within 10 % of even", async () => {
    begin(2);
    // The kernel deals by a hash of both addresses, as if by tossing coins: one time in 600 it is
    // further off, two times in a row once in 360,000.
    const isEven = async () => (await crew.spread()).every((count) => Math.abs(count - 500) <= 50);
    for (let attempt = 0; attempt < 2; attempt++) {
      const { address } = await crew.listen();
      const clients = await crew.connect(address, 1_000, 1);
      if (await isEven()) return;
      for (const client of clients) client.finish();
      await waitFor(
        async () => (await crew.spread()).every((count) => count === 0),
        "all have left",
      );
    }
    throw new Error("twice in a row not even");
  }, 30_000);

  test("refuse a port that other workers listen on, until it is free", async () => {
    begin(2);
    const { address, close } = portOf(await crew.listen());
    await using others = new Crew(name, 2);
    const refused = { name: "ListenError", code: "EADDRINUSE" };
    await expect(others.listen(address)).rejects.toMatchObject(refused);
    const everywhere = { ...address, host: "0.0.0.0" };
    await expect(others.listen(everywhere)).rejects.toMatchObject(refused);
    // Another address of the machine is another place.
    await others.listen({ ...address, host: "127.0.0.2" });
    const clients = await crew.connect(address, 20);
    expect(others.fleet.stats().relays.accepted).toBe(0);
    // Relays that run, and connections that we have ended first, do not keep the port.
    for (const { id } of (await crew.fleet.relays()).slice(10)) crew.fleet.cut(id);
    await waitFor(() => clients.filter((end) => end.closed).length === 10, "half of them end");
    await close();
    await others.listen(address);
    await others.connect(address, 20);
    expect(crew.fleet.stats().relays).toMatchObject({ accepted: 20, running: 10 });
  });

  test("take a port again that they have just let go, and a wider one beside it", async () => {
    begin(2);
    const first = portOf(await crew.listen());
    const { address } = first;
    const everywhere = { ...address, host: "0.0.0.0" };
    // As a reload does it: what is new is opened before the old one is closed.
    const wide = await crew.listen(everywhere);
    await first.close();
    await crew.connect(address, 20);
    await wide.close();
    for (let round = 0; round < 20; round++) {
      const again = await crew.listen(address);
      await crew.connect(address, 1);
      await again.close();
    }
    const closing = (await crew.listen(address)).close();
    await crew.listen(address);
    await closing;
    await crew.connect(address, 20);
  });

  test("relay what comes by a unix socket as well", async () => {
    begin(2);
    const path = `/tmp/ringway-workers-${crypto.randomUUID()}.sock`;
    const { address } = await crew.listen({ kind: "unix", path });
    await crew.connect(address, 40);
    expect((await crew.spread()).reduce((sum, count) => sum + count)).toBe(40);
  });

  test("one that meets a defect leaves the path of a unix socket to the others", async () => {
    begin(2);
    const path = `/tmp/ringway-workers-${crypto.randomUUID()}.sock`;
    const { address } = await crew.listen({ kind: "unix", path });
    const [victim] = (await crew.connect(address, 10)) as [End];
    victim.offer({ seed: 0, total: FATAL_BYTES });
    await waitFor(() => victim.closed, "the victim is reset");
    await crew.connect(address, 10);
  });

  test("one that meets a defect is told, and replaced; the others never notice", async () => {
    const { record, fleet } = begin(2);
    const { address } = await crew.listen();
    const clients = await crew.connect(address, 60);
    const [first = 0, second = 0] = await crew.spread();
    const [victim] = clients as [End];
    victim.offer({ seed: 0, total: FATAL_BYTES });
    await waitFor(() => record.workersFailed.length === 1, "the defect is told");
    const failure = record.workersFailed[0] as (typeof record.workersFailed)[number];
    const lost = failure.worker === 1 ? first : second;
    expect(failure).toMatchObject({ relays: lost, replacedAfterMs: 0 });
    expect(failure.error).toContain("a defect, made by a test");

    // Its clients are reset and not left hanging; the others go on.
    const gone = () => clients.filter(({ closed }) => closed).length;
    await waitFor(
      () => gone() === lost,
      () => `${lost} clients are reset, now ${gone()}`,
    );
    expect(record.reasons).toEqual(Array(lost).fill("worker_failed"));
    for (const client of clients) if (!client.closed) client.offer({ seed: 1, total: 50 });
    const served = () => clients.filter((one) => !one.closed && one.receivedBytes === 150).length;
    await waitFor(
      () => served() === 60 - lost,
      () => `${60 - lost} others are served, now ${served()}`,
    );

    // Whoever comes is served, whichever worker's port the kernel deals to.
    await crew.connect(address, 60);
    const now = await crew.spread();
    expect(now[failure.worker - 1]).toBeGreaterThan(0);
    expect(fleet.stats().relays).toMatchObject({ accepted: 120, ended: lost });
    const ids = (await fleet.relays()).map(({ id }) => id);
    expect(new Set([...ids, ...record.ended.map(({ id }) => id)]).size).toBe(120);
  });

  test("one that meets a defect leaves no copy to a mirror behind", async () => {
    begin(1);
    const mirror = Upstream.listen(anyPort, sink);
    const to = { address: mirror.address, bufferSize: 4096, percent: 100 };
    const { address } = await crew.listen(anyPort, to);
    const [victim] = (await crew.connect(address, 2)) as [End, End];
    await waitFor(() => mirror.ends.length === 2, "both are copied");
    victim.offer({ seed: 0, total: FATAL_BYTES });
    await waitFor(() => crew.record.workersFailed.length === 1, "the defect is told");
    await waitFor(() => mirror.ends.every((end) => end.closed), "both copies are let go");
    expect(mirror.ends.map((end) => end.wasReset)).toEqual([true, true]);
    mirror.close();
  });

  test("one that dies while it is asked is asked no more, and counts once", async () => {
    const { fleet, record } = begin(2);
    const { address } = await crew.listen();
    const clients = await crew.connect(address, 10);
    const [victim] = clients as [End];
    // Nothing is heard of the worker but by asking.
    victim.offer({ seed: 0, total: FATAL_BYTES });
    const startedAt = performance.now();
    while (record.workersFailed.length === 0 && performance.now() < startedAt + 5_000) {
      const { accepted } = fleet.stats().relays;
      expect(accepted).toBe(10);
      expect((await fleet.relays()).length).toBeLessThanOrEqual(10);
    }
    expect(record.workersFailed).toHaveLength(1);
    expect(fleet.stats().relays).toMatchObject({ accepted: 10, ended: record.ended.length });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await crew.connect(address, 10);
  });

  test("one that stands still is asked nothing: what it has counted is there at once", async () => {
    const { fleet, standstill } = begin(1);
    const { address } = await crew.listen();
    const [victim] = (await crew.connect(address, 10)) as [End];
    victim.offer({ seed: 0, total: BLOCKING_BYTES });
    await waitFor(() => Atomics.load(standstill, 0) === Standstill.Stands, "it stands still");
    const { relays, up, listeners } = fleet.stats();
    // It could have answered nothing: it stands still yet.
    expect(Atomics.load(standstill, 0)).toBe(Standstill.Stands);
    expect(relays).toEqual({ accepted: 10, running: 10, ended: 0, reasons: {} });
    expect(up.receivedBytes).toBe(1000);
    expect(listeners).toMatchObject([
      { accepted: 10, upstreams: [{ upBytes: 1000, downBytes: 1000 }] },
    ]);
    Atomics.store(standstill, 0, Standstill.IsOver);
    Atomics.notify(standstill, 0);
    await waitFor(() => victim.receivedBytes === 100 + BLOCKING_BYTES, "it goes on");
    expect(fleet.stats().up.receivedBytes).toBe(1000 + BLOCKING_BYTES);
  });

  test.each([
    ["with a word", FATAL_BYTES],
    ["without one", SILENT_BYTES],
  ])(
    "of those that die %s nothing that they have counted is lost, or counts twice",
    async (_, bytes) => {
      const { fleet, record } = begin(2);
      const { address } = await crew.listen();
      let accepted = 0;
      let lost = 0;
      for (let deaths = 1; deaths <= 3; deaths++) {
        const clients = await crew.connect(address, 20);
        accepted += 20;
        const before = await crew.spread();
        (clients[0] as End).offer({ seed: 0, total: bytes });
        await waitFor(() => record.workersFailed.length === deaths, "the death is told");
        const { worker, relays } = record.workersFailed.at(
          -1,
        ) as (typeof record.workersFailed)[number];
        expect(relays).toBe(before[worker - 1] as number);
        lost += relays;
        const counted = () => fleet.stats();
        const { relays: sum, up, down, listeners } = counted();
        const ended = { worker_failed: lost };
        expect(sum).toEqual({ accepted, running: accepted - lost, ended: lost, reasons: ended });
        expect([up.receivedBytes, down.receivedBytes]).toEqual([accepted * 100, accepted * 100]);
        const [listener] = listeners;
        expect(listener).toMatchObject({ accepted, running: accepted - lost });
        const of = (read: (one: UpstreamStats) => number) =>
          (listener?.upstreams ?? []).reduce((all, one) => all + read(one), 0);
        expect(of(({ ended }) => ended.worker_failed ?? 0)).toBe(lost);
        expect(of(({ upBytes }) => upBytes)).toBe(accepted * 100);
        expect(of(({ downBytes }) => downBytes)).toBe(accepted * 100);
      }
    },
  );

  test("one that dies under load has its relays taken off the upstream's count", async () => {
    const { record, table } = begin(2);
    const { address } = await crew.listen();
    // Relays that stay, and others that come and go all the time, also in the moment of the defect.
    const clients = await crew.connect(address, 40);
    expect(table.running(0)).toBe(40);
    let isOver = false;
    const comeAndGo = async () => {
      while (!isOver) {
        const end = await End.connect(address);
        end.offer({ seed: 1, total: 10 });
        await waitFor(() => end.receivedBytes === 10 || end.closed, "an echo, or the end");
        end.reset();
      }
    };
    const lanes = Array.from({ length: 8 }, comeAndGo);
    // Of those that were there before a death, some may not have heard yet that they are over.
    let [victim] = clients as [End];
    for (let deaths = 1; deaths <= 3; deaths++) {
      victim.offer({ seed: 0, total: FATAL_BYTES });
      await waitFor(() => record.workersFailed.length === deaths, "the defect is told");
      await waitFor(() => victim.closed, "the victim is reset");
      const others = await crew.connect(address, 20);
      clients.push(...others);
      [victim] = others as [End];
    }
    isOver = true;
    await Promise.all(lanes);
    const staying = () => clients.filter(({ closed }) => !closed).length;
    await waitFor(
      () => table.running(0) === staying(),
      () => `${staying()} relays are counted, now ${table.running(0)}`,
    );
    expect(staying()).toBeGreaterThan(0);
    for (const client of clients) if (!client.closed) client.reset();
    await waitFor(
      () => table.running(0) === 0,
      () => `none is counted, now ${table.running(0)}`,
    );
  });

  test("nobody who comes in the moment of a defect is left alone", async () => {
    const { record, standstill } = begin(1);
    const { address } = await crew.listen();
    const [first, victim] = (await crew.connect(address, 2)) as [End, End];
    first.offer({ seed: 0, total: BLOCKING_BYTES });
    await waitFor(() => Atomics.load(standstill, 0) === Standstill.Stands, "it stands still");
    // When it goes on it finds the defect first, and those who came behind it in the same turn.
    victim.offer({ seed: 0, total: FATAL_BYTES });
    const begun = Array.from({ length: 50 }, () =>
      End.connect(address, (end) => end.offer({ seed: 1, total: 10 })),
    );
    const clients = await Promise.all(begun);
    crew.clients.push(...clients);
    Atomics.store(standstill, 0, Standstill.IsOver);
    Atomics.notify(standstill, 0);
    await waitFor(() => record.workersFailed.length === 1, "the defect is told");
    await waitFor(
      () => clients.every(({ closed, receivedBytes }) => closed || receivedBytes === 10),
      () => `all are reset or served: ${clients.join("; ")}`,
    );
  });

  test("who has connected to one that fails is served by its successor", async () => {
    const { record } = begin(1);
    const { address } = await crew.listen();
    for (let round = 0; round < 3; round++) {
      const [victim] = (await crew.connect(address, 1)) as [End];
      victim.offer({ seed: 0, total: FATAL_BYTES });
      await waitFor(() => victim.closed, "the victim is reset");
      await crew.connect(address, 30);
    }
    expect(record.workersFailed.map(({ replacedAfterMs }) => replacedAfterMs)).toEqual([
      0, 100, 1000,
    ]);
  });

  test("a listener closes, and another one opens, without a client that notices", async () => {
    const { fleet } = begin(2);
    const one = await crew.listen();
    const clients = await crew.connect(one.address, 20);
    const waiting = Array.from({ length: 20 }, () => End.connect(one.address));
    const early = await Promise.all(waiting);
    const closed = one.close();
    const other = await crew.listen();
    await closed;
    for (const end of early) end.offer({ seed: 1, total: 10 });
    await waitFor(
      () => early.every(({ receivedBytes }) => receivedBytes === 10),
      () => `who had connected is served: ${early.join("; ")}`,
    );
    await expect(End.connect(one.address)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await crew.connect(other.address, 20);
    for (const client of clients) client.offer({ seed: 2, total: 10 });
    await waitFor(() => clients.every(({ receivedBytes }) => receivedBytes === 110), "they go on");
    expect(fleet.stats().relays.reasons).toEqual({});
    crew.clients.push(...early);
  });

  test("new options are for new relays", async () => {
    const { fleet } = begin(2);
    const listening = await crew.listen();
    const before = await crew.connect(listening.address, 10);
    const upstream = Upstream.listen(anyPort, (end) => {
      end.offer({ seed: 9, total: 7 });
    });
    void listening.update(listener({ upstreams: [rowed(upstream.address, 0)] }));
    // The workers hear of it one after the other; from some client on all get the other upstream.
    for (let tries = 0; upstream.ends.length === 0 && tries < 500; tries++) {
      const end = await End.connect(listening.address);
      crew.clients.push(end);
      end.offer({ seed: 1, total: 1 });
      await waitFor(() => end.receivedBytes > 0, "an answer, whoever gives it");
    }
    expect(upstream.ends.length).toBeGreaterThan(0);
    for (const client of before) client.offer({ seed: 1, total: 10 });
    await waitFor(() => before.every(({ receivedBytes }) => receivedBytes === 110), "they go on");
    expect(fleet.stats().relays.ended).toBe(0);
    upstream.close();
  });

  test("a relay is cut by its number", async () => {
    const { fleet, record } = begin(2);
    const { address } = await crew.listen();
    const clients = await crew.connect(address, 10);
    const [first] = await fleet.relays();
    fleet.cut(first?.id ?? 0);
    fleet.cut(12_345);
    await waitFor(() => record.ended.length === 1, "it ends");
    expect(record.ended[0]).toMatchObject({ id: first?.id, reason: "admin" });
    await waitFor(() => clients.filter(({ closed }) => closed).length === 1, "its client knows");
  });
});

test.if(linux)(
  "a worker that cannot begin is no start that hangs, but an error that says why",
  async () => {
    const url = new URL("../fixtures/no-worker.ts", import.meta.url);
    const record = new Recorder();
    const share = { engines: 1, first: 1 };
    const birth = { memory: plainMemory, uring: uringDefaults, share };
    const onFailed = () => {};
    const name = "sockets";
    const engine = new ThreadEngine({ name, url, birth, onFailed, resolve: noNames }, record);
    await expect(engine.listen(listener({ address: anyPort }))).rejects.toMatchObject({
      name: "EngineUnsupportedError",
      message: expect.stringContaining(
        "its worker could not begin: Error: there is nothing to run on",
      ),
    });
    await engine.stop(0);
  },
);
