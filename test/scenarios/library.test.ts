import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type EmbeddedUpstream, startEmbeddedUpstream } from "../../src/embedded/server.ts";
import {
  createProxy,
  ListenError,
  type ProxyConfig,
  type RelaySummary,
  StoppedError,
} from "../../src/index.ts";
import { waitFor } from "../fixtures/wait.ts";

// ringway as its README shows it to programs.

let redis: EmbeddedUpstream;
let upstream: string;

beforeAll(() => {
  redis = startEmbeddedUpstream({ hostname: "127.0.0.1", port: 0 });
  if ("unix" in redis.address) throw new Error("it has a port");
  upstream = `127.0.0.1:${redis.address.port}`;
});

afterAll(() => {
  redis.stop();
});

/** What a PING through that address is answered. */
async function ping(address: string | undefined): Promise<string> {
  const port = Number(address?.split(":").at(-1));
  const answer = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => answer.resolve(bytes.toString()),
      close: () => answer.resolve("closed"),
    },
  }).catch((error: NodeJS.ErrnoException) => {
    // The connection was reset before it has come to our turn.
    if (error.code === "ECONNRESET") return null;
    throw error;
  });
  if (socket === null) return "closed";
  socket.write("PING\r\n");
  const text = await answer.promise;
  socket.end();
  return text;
}

const linux = process.platform === "linux";
const inside: ProxyConfig = { listen: "127.0.0.1:0", workers: 0 };

describe.each(linux ? [0, 1, 2] : [0])("a proxy with %i workers in this program", (workers) => {
  test("starts without its service, and brings another upstream by a reload", async () => {
    const service = "srv:_redis._tcp.ringway-test.invalid";
    const config = { listen: "127.0.0.1:0", upstream: service, workers };
    await using proxy = await createProxy(config);
    const [address] = proxy.addresses;
    expect(await ping(address)).toBe("closed");
    expect(proxy.stats().relays.reasons).toEqual({ no_upstream: 1 });
    const line = await proxy.reload({ ...config, upstream: [service, upstream] });
    expect(line).toBe("1 listener changed, 1 upstream added, 0 relays cut");
    expect(await ping(address)).toBe("+PONG\r\n");
  });

  test("relays, tells, and is gone after its block", async () => {
    const ended: RelaySummary[] = [];
    let address: string | undefined;
    {
      await using proxy = await createProxy(
        { listen: "127.0.0.1:0", upstream, workers },
        { relayEnded: (relay) => ended.push(relay) },
      );
      [address] = proxy.addresses;
      if (workers === 0) expect(proxy.engine).toBe("sockets");
      expect(await ping(address)).toBe("+PONG\r\n");
      await waitFor(() => ended.length === 1, "its end is told");
      expect(ended[0]).toMatchObject({ upstream, reason: "client_fin", dials: 1 });
      expect(proxy.stats().relays).toMatchObject({ accepted: 1, ended: 1 });
    }
    await expect(ping(address)).rejects.toThrow();
  });

  test("has one set of limits for all addresses of a listener with a name", async () => {
    const listen = ["127.0.0.1:0", "127.0.0.1:0"];
    const upstreams = [{ address: upstream, maxRelays: 2 }];
    const named = { name: "x", listen, upstreams };
    const config = { workers, drainTimeout: 0 };
    await using proxy = await createProxy({ ...config, listeners: [{ ...named, maxRelays: 1 }] });
    const [one, two] = proxy.addresses;
    const keep = async (address: string | undefined, count: number) => {
      const port = Number(address?.split(":").at(-1));
      await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
      await waitFor(async () => (await proxy.relays()).length === count, "it is relayed");
    };
    await keep(one, 1);
    expect(await ping(two)).toBe("closed");
    expect(proxy.stats().relays.reasons).toEqual({ listener_full: 1 });
    await proxy.reload({ ...config, listeners: [named] });
    await keep(two, 2);
    expect(await ping(one)).toBe("closed");
    expect(proxy.stats().relays.reasons).toEqual({ listener_full: 1, upstreams_full: 1 });
  });

  test("serves who waits at a listener that goes", async () => {
    const one = { listen: "127.0.0.1:0", upstreams: [{ address: upstream, maxRelays: 1 }] };
    const config = { workers, queueTimeout: "60s", listeners: [one, one] };
    await using proxy = await createProxy(config);
    const [, address] = proxy.addresses;
    const first = await Bun.connect({
      hostname: "127.0.0.1",
      port: Number(address?.split(":").at(-1)),
      socket: { data() {} },
    });
    await waitFor(
      async () => (await proxy.relays())[0]?.upstream === upstream,
      "the only room is taken",
    );
    const second = ping(address);
    await waitFor(async () => (await proxy.relays()).length === 2, "another one waits for it");
    expect(await proxy.reload({ ...config, listeners: [one] })).toBe(
      "1 listener removed, 0 relays cut",
    );
    first.end();
    expect(await second).toBe("+PONG\r\n");
  });

  test("changes while it runs", async () => {
    const config = { listen: "127.0.0.1:0", upstream: "127.0.0.1:1", workers };
    const failures: string[] = [];
    await using proxy = await createProxy(config, {
      dialFailed: ({ reason }) => failures.push(reason),
    });
    const [address] = proxy.addresses;
    expect(await ping(address)).toBe("closed");
    await waitFor(() => failures.length > 0, "the failed dial is told");
    expect(failures).toEqual(["connect_refused"]);
    const line = await proxy.reload({ ...config, upstream });
    expect(line).toBe("1 listener changed, 1 upstream added, 1 upstream removed, 0 relays cut");
    // A worker hears of it within its next turn.
    let answer = "";
    for (let tries = 0; answer !== "+PONG\r\n" && tries < 100; tries++)
      answer = await ping(address);
    expect(answer).toBe("+PONG\r\n");
  });
});

test("what only a restart changes is told as long as it differs", async () => {
  await using proxy = await createProxy({ ...inside, upstream });
  const other = { ...inside, upstream, dnsServers: "127.0.0.1:8600" };
  for (let round = 0; round < 2; round++) {
    expect(await proxy.reload(other)).toBe("nothing changes; a restart changes dnsServers");
  }
  expect(await proxy.reload({ ...inside, upstream })).toBe("nothing changes");
});

test.each([0, 2])("a reload that a stop overtakes is refused, %i workers", async (workers) => {
  if (workers > 1 && process.platform !== "linux") return;
  const before = { listen: "127.0.0.1:0", upstream, workers };
  const other = { ...before, listen: ["127.0.0.1:0", "[::1]:0"], upstream: "127.0.0.1:1" };
  await using proxy = await createProxy(before);
  const overtaken = proxy.reload(other);
  const stopped = proxy.stop(0);
  await expect(overtaken).rejects.toBeInstanceOf(StoppedError);
  await expect(proxy.reload(other)).rejects.toThrow(
    "the proxy stops: the new configuration is not applied, the old one stays",
  );
  await stopped;
  await expect(proxy.reload(other)).rejects.toBeInstanceOf(StoppedError);
  await expect(proxy.reload(before)).rejects.toBeInstanceOf(StoppedError);
  expect(proxy.addresses).toHaveLength(1);
});

test("a relay can be cut", async () => {
  await using proxy = await createProxy({ ...inside, upstream });
  const closed = Promise.withResolvers<void>();
  const port = Number(proxy.addresses[0]?.split(":").at(-1));
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data() {}, close: () => closed.resolve() },
  });
  await waitFor(async () => (await proxy.relays()).length === 1, "it runs");
  proxy.cut((await proxy.relays())[0]?.id ?? 0);
  await closed.promise;
  expect(proxy.stats().relays.reasons).toEqual({ admin: 1 });
});

describe("what cannot be had is refused,", () => {
  test("all that is wrong at once", async () => {
    const config = { ...inside, upstream: "nowhere", connectTimeout: "soon" };
    await expect(createProxy(config)).rejects.toMatchObject({
      name: "ConfigError",
      problems: [expect.stringContaining("upstream"), expect.stringContaining("connectTimeout")],
    });
  });

  test("a listener without upstreams: there is no demo in a library", async () => {
    await expect(createProxy(inside)).rejects.toThrow("has no upstreams");
  });

  test("an address that is in use, with nothing left behind", async () => {
    await using first = await createProxy({ ...inside, upstream });
    const [taken = ""] = first.addresses;
    const config = { ...inside, listen: ["127.0.0.1:0", taken], upstream };
    await expect(createProxy(config)).rejects.toBeInstanceOf(ListenError);
    await expect(first.reload(config)).rejects.toBeInstanceOf(ListenError);
    expect(first.addresses).toEqual([taken]);
    expect(await ping(taken)).toBe("+PONG\r\n");
  });
});

test("a handler that throws is the program's own error, and nobody else's", async () => {
  const program = `
    import { createProxy } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).pathname)};
    const caught = [];
    process.on("uncaughtException", (error) => caught.push(error.message));
    const proxy = await createProxy(
      { listen: "127.0.0.1:0", upstream: ${JSON.stringify(upstream)}, workers: 0 },
      { relayEnded() { throw new Error("mine"); } },
    );
    for (let i = 0; i < 2; i++) {
      const closed = Promise.withResolvers();
      await Bun.connect({ hostname: "127.0.0.1", port: Number(proxy.addresses[0].split(":").at(-1)),
        socket: { open(s) { s.end(); }, data() {}, close() { closed.resolve(); } } });
      await closed.promise;
    }
    while (proxy.stats().relays.ended < 2) await Bun.sleep(1);
    await proxy.stop();
    console.log(JSON.stringify(caught));
  `;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  expect(await child.stdout.text()).toBe('["mine","mine"]\n');
  expect(await child.exited).toBe(0);
});
