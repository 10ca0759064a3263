import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, formatAddress, type TcpAddress } from "../../src/base/address.ts";
import { defaults, uringDefaults } from "../../src/config/defaults.ts";
import { plainUpstream } from "../../src/config/listeners.ts";
import type { ListenerOptions } from "../../src/config/options.ts";
import { RunningProxy } from "../../src/control/proxy.ts";
import type { CheckOptions } from "../../src/upstream/health/check-options.ts";
import {
  checkOptions,
  redisServer,
  startRedisServer,
  type TestRedis,
} from "../../src/upstream/health/test-redis.ts";
import { startOnFreePort } from "../clients/programs.ts";
import { End } from "../fixtures/end.ts";
import { listener, plainMemory } from "../fixtures/options.ts";
import { Recorder } from "../fixtures/recorder.ts";
import { Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";
import { onBothEngines, type Stage } from "../hostile/stages.ts";

// Checks against what they meet in production, with the relays that depend on them.

setDefaultTimeout(30_000);

const haproxy = Bun.which("haproxy", { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` });
const lacks = haproxy === null || redisServer === null;
if (lacks) process.stderr.write("haproxy or redis-server is not installed: some is not tested\n");

let directory = "";
let redis: TestRedis | null = null;
let guard: Bun.Subprocess | null = null;
/** HAProxy, which wants a PROXY header, in front of a Redis. */
let guarded: TcpAddress = { kind: "tcp", host: "127.0.0.1", port: 1 };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ringway-checks-"));
  if (lacks) return;
  redis = await startRedisServer();
  const { address } = redis;
  const file = join(directory, "guard.cfg");
  const command = (port: number) => {
    writeFileSync(
      file,
      `
defaults
  timeout connect 5s
  timeout client 10s
  timeout server 10s
listen guard
  mode tcp
  bind 127.0.0.1:${port} accept-proxy
  server redis ${formatAddress(address)}
`,
    );
    return [haproxy as string, "-db", "-q", "-f", file];
  };
  const answers = (port: number) =>
    End.connect({ kind: "tcp", host: "127.0.0.1", port }).then(
      (end) => {
        end.reset();
        return true;
      },
      () => false,
    );
  const { child, port } = await startOnFreePort(command, answers);
  guard = child;
  guarded = { kind: "tcp", host: "127.0.0.1", port };
});

afterAll(async () => {
  guard?.kill("SIGKILL");
  await guard?.exited;
  await redis?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const running: RunningProxy[] = [];
const upstreams: Upstream[] = [];

afterEach(async () => {
  for (const proxy of running.splice(0)) await proxy.stop(0);
  for (const upstream of upstreams.splice(0)) upstream.close();
});

async function start(stage: Stage, ...listeners: ListenerOptions[]): Promise<RunningProxy> {
  const { drainTimeoutMs } = defaults;
  const rest = { totalRelays: 0, memory: plainMemory, uring: uringDefaults };
  const { engine, workers } = stage;
  const all = listeners.map((one) => ({ ...one, engine }));
  const options = { listeners: all, workers, ...rest, drainTimeoutMs, dnsServers: [] };
  const proxy = await RunningProxy.start(options, new Recorder());
  running.push(proxy);
  return proxy;
}

/** A check that looks often. */
function check(more: Partial<CheckOptions>): CheckOptions {
  return checkOptions({ intervalMs: 100, fastIntervalMs: 50, timeoutMs: 1_000, ...more });
}

function checked(upstream: Address, more: Partial<CheckOptions>): ListenerOptions {
  const health = { ...listener({}).health, check: check(more), ejection: null };
  return listener({ upstreams: [plainUpstream(upstream)], health });
}

/** What the upstreams of a proxy are, once each was checked. */
async function healths(proxy: RunningProxy): Promise<string[]> {
  await waitFor(
    () => proxy.upstreams.views().every(({ lastCheck }) => lastCheck !== null),
    "each upstream was checked",
  );
  return proxy.upstreams.views().map(({ health }) => health);
}

/** What a Redis behind the proxy's first listener answers to PING; empty for a relay that ends. */
async function ping(proxy: RunningProxy): Promise<string> {
  const [first] = proxy.listeners;
  const client = await End.connect((first as { address: Address }).address, (end) => {
    end.keeps = true;
  });
  client.send("PING\r\n");
  await waitFor(() => client.receivedBytes > 0 || client.closed, "the client hears something");
  const heard = Buffer.concat(client.chunks).toString();
  client.reset();
  return heard;
}

onBothEngines("checks speak as relays do", (stage) => {
  test.skipIf(lacks).each(["v1", "v2"] as const)(
    "an upstream that requires PROXY %s is up, and serves",
    async (version) => {
      const options = checked(guarded, { kind: "redis", proxyProtocol: version });
      const edge = { ...options.edge, sendProxyProtocol: version };
      const proxy = await start(stage, { ...options, edge });
      expect(await healths(proxy)).toEqual(["up"]);
      expect(await ping(proxy)).toBe("+PONG\r\n");
    },
  );

  test.skipIf(lacks)("and is down for a check without", async () => {
    const proxy = await start(stage, checked(guarded, { kind: "redis" }));
    expect(await healths(proxy)).toEqual(["down"]);
  });

  test.skipIf(lacks)("one upstream gets PROXY headers, and its neighbour none", async () => {
    const plain = (redis as TestRedis).address;
    const own = {
      ...plainUpstream(guarded),
      sendProxyProtocol: "v2" as const,
      check: check({ kind: "redis", proxyProtocol: "v2" }),
    };
    const options = checked(plain, { kind: "redis" });
    const proxy = await start(stage, {
      ...options,
      upstreams: [own, plainUpstream(plain)],
    });
    expect(await healths(proxy)).toEqual(["up", "up"]);
    for (let turn = 0; turn < 4; turn++) expect(await ping(proxy)).toBe("+PONG\r\n");
  });
});

onBothEngines("an upstream may be checked at another port of its own host", (stage) => {
  test("and is as well as that one says", async () => {
    const host = "127.0.0.1";
    const page = (status: number) =>
      Upstream.listen({ kind: "tcp", host, port: 0 }, (end) => {
        end.onData = (self) => {
          self.send(`HTTP/1.1 ${status} Whatever\r\n\r\n`);
          self.finish();
        };
      });
    const [well, unwell] = [page(200), page(503)];
    const server = Upstream.listen({ kind: "tcp", host, port: 0 }, (end) => void end.send("hello"));
    const others = Upstream.listen({ kind: "tcp", host: "127.0.0.2", port: 0 }, (end) => {
      end.send("wrong");
    });
    upstreams.push(well, unwell, server, others);
    const port = (one: Upstream) => (one.address as TcpAddress).port;
    const at = (one: Upstream) =>
      check({ kind: "http", address: { kind: "port", port: port(one) }, fall: 1 });
    const options = checked(server.address, {});
    const proxy = await start(stage, {
      ...options,
      upstreams: [
        { ...plainUpstream(server.address), check: at(well) },
        { ...plainUpstream(others.address), check: at(unwell) },
      ],
    });
    expect(await healths(proxy)).toEqual(["up", "down"]);
    // The second one has a host of its own: nobody was asked in its place.
    expect(unwell.ends).toHaveLength(0);
    expect(await ping(proxy)).toBe("hello");
  });
});
