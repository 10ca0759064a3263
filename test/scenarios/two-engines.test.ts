import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address, TcpAddress } from "../../src/base/address.ts";
import { listenerDefaults, uringDefaults } from "../../src/config/defaults.ts";
import { plainUpstream } from "../../src/config/listeners.ts";
import type {
  EngineName,
  ListenerOptions,
  ProxyOptions,
  WantedListener,
} from "../../src/config/options.ts";
import { optionsIn } from "../../src/config/table/setting.ts";
import { listenerTable } from "../../src/config/table/table.ts";
import { RunningProxy } from "../../src/control/proxy.ts";
import { choose } from "../../src/engine/select.ts";
import { probe } from "../../src/engine/uring/probe.ts";
import { TlsClient } from "../clients/tls-client.ts";
import { authority, server } from "../fixtures/certificates.ts";
import { End } from "../fixtures/end.ts";
import { listener, plainMemory } from "../fixtures/options.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { echo, Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

// Both engines in one process: some listeners are carried by one, the others by the other.

setDefaultTimeout(60_000);

const isLinux = process.platform === "linux";
const hasBoth = isLinux && choose("auto", probe()).name === "uring";
const folder = mkdtempSync(join(tmpdir(), "ringway-two-"));
const anyPort = (host: string): Address => ({ kind: "tcp", host, port: 0 });

/** How a listener ends its clients' TLS. */
const tls: NonNullable<WantedListener["tls"]> = {
  ...optionsIn(listenerTable, "tls", {}),
  certificates: [
    { ...server, names: [], files: { cert: "server.pem", key: "server.key", isNamed: false } },
  ],
  ca: null,
  caFile: null,
};

const toUpstream: Omit<NonNullable<WantedListener["upstreamTls"]>, "ca"> = {
  serverName: null,
  verify: true,
  identity: null,
  alpn: [],
  startTls: "off",
};

const upstream = Upstream.listen(anyPort("127.0.0.1"), echo);
const target = upstream.address as TcpAddress;

const running: RunningProxy[] = [];
afterEach(async () => {
  for (const proxy of running.splice(0)) await proxy.stop(0);
});
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** A listener on an address of its own. */
function on(engine: EngineName, host: string, more: Partial<WantedListener> = {}): WantedListener {
  const name = host.replaceAll(".", "-");
  const own = { name, address: anyPort(host), upstreams: [plainUpstream(target)] };
  return { ...listener(own as Partial<ListenerOptions>), engine, ...more };
}

function options(listeners: readonly WantedListener[], workers: number, totalRelays = 0) {
  const rest = { memory: plainMemory, uring: uringDefaults, drainTimeoutMs: 0, dnsServers: [] };
  return { listeners, workers, totalRelays, ...rest } satisfies ProxyOptions;
}

async function start(wanted: ProxyOptions, record = new Recorder()): Promise<RunningProxy> {
  const proxy = await RunningProxy.start(wanted, record);
  running.push(proxy);
  return proxy;
}

/** Where a listener really is. */
function placeOf(proxy: RunningProxy, index: number): Address {
  return proxy.listeners[index]?.address as Address;
}

/** The engines in use, with the relays that run there. */
function relaysBy(proxy: RunningProxy): Record<string, number> {
  return Object.fromEntries(
    proxy.engine.inUse.map(({ choice, stats }) => [choice.name, stats.relays.running]),
  );
}

async function connect(address: Address): Promise<End> {
  const end = await End.connect(address);
  await echoed(end, 10);
  return end;
}

/** It gets so many more bytes back. */
async function echoed(end: End, total: number): Promise<void> {
  const before = end.receivedBytes;
  end.offer({ seed: 1, total });
  await waitFor(() => end.receivedBytes === before + total, `an echo of ${total} bytes`);
}

/** Whether a client is let in. */
async function isLetIn(address: Address): Promise<boolean> {
  const end = await End.connect(address);
  end.offer({ seed: 1, total: 10 });
  await waitFor(() => end.closed || end.receivedBytes === 10, "an echo, or its end");
  return !end.closed;
}

/** Clients that come one after the other, each for an echo, as many at a time as are wanted. */
class Storm {
  answered = 0;
  readonly failures: string[] = [];
  private isOver = false;
  private readonly rows: Promise<void>[];

  constructor(address: Address, rows = 8) {
    this.rows = Array.from({ length: rows }, () => this.row(address));
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.rows);
  }

  private async row(address: Address): Promise<void> {
    while (!this.isOver) {
      const why = await visit(address);
      if (why === "") this.answered++;
      else this.failures.push(why);
    }
  }
}

/** @returns what has gone wrong; empty when the client has got its echo */
function visit(address: Address): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const where =
    address.kind === "tcp"
      ? { hostname: address.host, port: address.port }
      : { unix: address.path };
  const late = setTimeout(() => resolve("no answer"), 10_000);
  const over = (why: string) => {
    clearTimeout(late);
    resolve(why);
  };
  Bun.connect({
    ...(where as { hostname: string; port: number }),
    socket: {
      open: (socket) => void socket.write("0123456789"),
      data(socket, chunk) {
        over(chunk.length === 10 ? "" : `${chunk.length} bytes`);
        socket.end();
      },
      close: () => over("closed"),
      connectError: (_, error) => over(String(error)),
    },
  }).catch((error) => over(String(error)));
  return promise;
}

describe.skipIf(!hasBoth).each([1, 2])("with both engines, %i worker(s) each", (workers) => {
  test("each listener is carried by the engine that it wants, and all count as one", async () => {
    const record = new Recorder();
    const wanted = [on("uring", "127.0.1.1"), on("sockets", "127.0.1.2")];
    const proxy = await start(options(wanted, workers), record);
    expect(proxy.listeners.map(({ engine }) => engine)).toEqual(["uring", "sockets"]);
    const ends: End[] = [];
    for (let round = 0; round < 5; round++) {
      ends.push(await connect(placeOf(proxy, 0)), await connect(placeOf(proxy, 1)));
    }
    const isCountedIn = () => relaysBy(proxy).uring === 5 && relaysBy(proxy).sockets === 5;
    await waitFor(isCountedIn, "all are counted in");
    const relays = await proxy.engine.relays();
    const names = ["127-0-1-1", "127-0-1-2"];
    const ofEach = names.map((name) => relays.filter(({ listener: one }) => one === name));
    expect(ofEach.map((some) => some.length)).toEqual([5, 5]);
    const starts = relays.map(({ startedAt }) => startedAt);
    expect(starts).toEqual(starts.toSorted((one, other) => one - other));
    expect(new Set(relays.map(({ id }) => id)).size).toBe(10);
    const stats = proxy.engine.stats();
    expect(stats.relays).toMatchObject({ accepted: 10, running: 10, ended: 0 });
    expect(stats.up.receivedBytes).toBe(100);
    expect(stats.listeners.map((one) => one.listener).sort()).toEqual(["127-0-1-1", "127-0-1-2"]);
    expect(proxy.upstreams.views().map((view) => view.running)).toEqual([5, 5]);
    expect(await proxy.engine.acceptance()).toMatchObject({ state: "accepts" });
    // Each is cut by its number, whichever engine has it.
    for (const [first] of ofEach) proxy.engine.cut(first?.id ?? 0);
    await waitFor(() => ends.filter(({ closed }) => closed).length === 2, "both are cut");
    // A client sees its end before the engine's figures do.
    const isCountedOut = () => relaysBy(proxy).uring === 4 && relaysBy(proxy).sockets === 4;
    await waitFor(isCountedOut, "both are counted out");
    // And so are those of an upstream.
    const [, second] = proxy.upstreams.views();
    proxy.engine.drop({ slot: second?.id ?? -1 }, 0);
    proxy.engine.drop({ listener: "127-0-1-2" }, 0);
    await waitFor(() => relaysBy(proxy).sockets === 0, "those of one listener are gone");
    expect(relaysBy(proxy)).toEqual({ uring: 4, sockets: 0 });
    expect(await proxy.stop(0)).toBe(4);
    await waitFor(() => record.ended.length === 10, "all are told");
  });

  test("limits hold for all relays, whichever engine has them", async () => {
    const limited = { maxRelaysPerClient: 2 };
    const edge = { ...listenerDefaults.edge, ...limited };
    const steady = on("sockets", "127.0.1.1");
    const wanted = (engine: EngineName) =>
      options([steady, on(engine, "127.0.1.2", { edge })], workers, 4);
    const proxy = await start(wanted("uring"));
    const first = await connect(placeOf(proxy, 1));
    await proxy.reload(wanted("sockets"));
    const second = await connect(placeOf(proxy, 1));
    expect(relaysBy(proxy)).toEqual({ uring: 1, sockets: 1 });
    // One of its relays is with the engine that it was on before.
    expect(await isLetIn(placeOf(proxy, 1))).toBe(false);
    await proxy.reload(wanted("uring"));
    expect(await isLetIn(placeOf(proxy, 1))).toBe(false);
    const others = [await connect(placeOf(proxy, 0)), await connect(placeOf(proxy, 0))];
    expect(await isLetIn(placeOf(proxy, 0))).toBe(false);
    for (const end of [first, second, ...others]) end.finish();
    await waitFor(() => proxy.engine.stats().relays.running === 0, "all have gone");
    expect(await isLetIn(placeOf(proxy, 1))).toBe(true);
    const { reasons } = proxy.engine.stats().relays;
    expect(reasons).toMatchObject({ client_full: 2, total_full: 1 });
  });

  test.each([
    ["a port", anyPort("127.0.1.1")],
    ["all addresses", anyPort("::")],
    ["a name", anyPort("localhost")],
    ["a unix socket", { kind: "unix", path: join(folder, `moved-${workers}.sock`) } as Address],
  ])("a listener on %s goes from one engine to the other under load", async (_, address) => {
    const to = (engine: EngineName) =>
      options([on(engine, "127.0.1.9", { address }), on("sockets", "127.0.1.2")], workers);
    const proxy = await start(to("sockets"));
    const bound = placeOf(proxy, 0);
    const place: Address = bound.kind === "tcp" ? { ...bound, host: "127.0.0.1" } : bound;
    const visited = bound.kind === "tcp" && bound.host !== "::" ? bound : place;
    const old: End[] = [await connect(visited)];
    const storm = new Storm(visited);
    for (const engine of ["uring", "sockets", "uring", "sockets", "uring"] as const) {
      const { answered } = storm;
      await proxy.reload(to(engine));
      await waitFor(() => storm.answered > answered + 50, "clients are answered");
      old.push(await connect(visited));
      expect(placeOf(proxy, 0)).toEqual(bound);
    }
    await storm.stop();
    expect(storm.failures).toEqual([]);
    // Relays stay with the engine that they began with.
    for (const end of old) await echoed(end, 100_000);
    expect(relaysBy(proxy)).toEqual({ sockets: 3, uring: 3 });
    const { relays } = proxy.engine.stats();
    expect(relays.accepted).toBe(storm.answered + old.length);
  });

  test("a listener with TLS is carried by sockets beside others on io_uring", async () => {
    const address = anyPort("127.0.0.1");
    const plain = on("uring", "127.0.1.1");
    const other = (secured: WantedListener["tls"]) =>
      options([plain, { ...on("uring", "127.0.1.2", { address }), tls: secured }], workers);
    const proxy = await start(other(tls));
    expect(proxy.listeners.map(({ engine }) => engine)).toEqual(["uring", "sockets"]);
    const { port } = placeOf(proxy, 1) as TcpAddress;
    const clear = await connect(placeOf(proxy, 0));
    const first = await TlsClient.open(port);
    expect(await first.echo("hello")).toBe("hello");
    expect(relaysBy(proxy)).toEqual({ uring: 1, sockets: 1 });
    // Without TLS it goes to the other engine, and with it comes back.
    await proxy.reload(other(null));
    expect(placeOf(proxy, 1)).toMatchObject({ host: "127.0.0.1", port });
    const unsecured = await connect(placeOf(proxy, 1));
    expect(relaysBy(proxy)).toEqual({ uring: 2, sockets: 1 });
    await proxy.reload(other(tls));
    const second = await TlsClient.open(port);
    expect(await second.echo("again")).toBe("again");
    expect(await first.echo("still")).toContain("still");
    for (const end of [clear, unsecured]) await echoed(end, 1_000);
    expect(relaysBy(proxy)).toEqual({ uring: 2, sockets: 2 });
    for (const one of [first, second]) one.close();
  });

  test("a listener with TLS to its upstreams is, too, and so is one with one such upstream", async () => {
    const secured = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert: server.cert, key: server.key },
      socket: { data: (socket, chunk) => void socket.write(chunk) },
    });
    const { port } = secured;
    const upstreamTls = { ...toUpstream, ca: authority.cert };
    const one = plainUpstream({ kind: "tcp", host: "127.0.0.1", port } as const);
    const wanted = [
      on("uring", "127.0.1.1"),
      on("uring", "127.0.1.2", { upstreamTls, upstreams: [one] }),
      on("uring", "127.0.1.3", { upstreams: [{ ...one, tls: upstreamTls }] }),
    ];
    const proxy = await start(options(wanted, workers));
    expect(proxy.listeners.map(({ engine }) => engine)).toEqual(["uring", "sockets", "sockets"]);
    for (const index of [0, 1, 2]) await connect(placeOf(proxy, index));
    expect(relaysBy(proxy)).toEqual({ uring: 1, sockets: 2 });
    secured.stop(true);
  });

  test("an engine is made when a listener needs it, and goes after its last relay", async () => {
    const one = on("uring", "127.0.1.1");
    const proxy = await start(options([one], workers));
    expect(Object.keys(relaysBy(proxy))).toEqual(["uring"]);
    const both = options([one, on("sockets", "127.0.1.2")], workers);
    for (let round = 1; round <= 2; round++) {
      await proxy.reload(both);
      const end = await connect(placeOf(proxy, 1));
      await proxy.reload(options([one], workers));
      // It has a relay left.
      await echoed(end, 100_000);
      expect(relaysBy(proxy)).toEqual({ uring: 0, sockets: 1 });
      end.finish();
      await waitFor(() => !("sockets" in relaysBy(proxy)), "it is gone");
      expect(proxy.engine.stats().relays).toMatchObject({ accepted: round, ended: round });
    }
    // All listeners may go over.
    await proxy.reload(options([{ ...one, engine: "sockets" }], workers));
    await connect(placeOf(proxy, 0));
    await waitFor(() => !("uring" in relaysBy(proxy)), "the first one is gone");
    expect(proxy.engine.name).toBe("sockets");
    expect(proxy.engine.stats().relays).toMatchObject({ accepted: 3, running: 1 });
  });
});
