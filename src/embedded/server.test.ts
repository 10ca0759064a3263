import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Redis from "ioredis";
import { type EmbeddedUpstream, startEmbeddedUpstream } from "./server.ts";
import { TestClient } from "./test-client.ts";

let upstream: EmbeddedUpstream;

beforeEach(() => {
  upstream = startEmbeddedUpstream();
});

afterEach(() => upstream.stop());

function connect(paused = false): Promise<TestClient> {
  return TestClient.connect(upstream.address, paused);
}

/** Round trips of another client: whatever the upstream had to do at once, it has done by then. */
async function roundTrips(count: number): Promise<void> {
  using client = await connect();
  for (let i = 0; i < count; i++) await client.ask("PING\r\n", "+PONG\r\n");
}

async function untilTurn(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe("requests", () => {
  test("a pipeline of arrays and inline commands is answered in order", async () => {
    using client = await connect();
    const pipeline =
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nab\r\nGET k\r\n*1\r\n$4\r\nPING\r\nGET x\r\n";
    await client.ask(pipeline, "+OK\r\n$2\r\nab\r\n+PONG\r\n$-1\r\n");
    expect(upstream.commandCount).toBe(4);
  });

  test("frames may be split anywhere", async () => {
    using client = await connect();
    const frame = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nva\r\nl\r\n";
    for (let at = 1; at < frame.length; at++) {
      client.send(frame.slice(0, at));
      await roundTrips(1);
      await client.ask(frame.slice(at), "+OK\r\n");
    }
    await client.ask("GET k\r\n", "$5\r\nva\r\nl\r\n");
  });

  test("a pipeline longer than one turn is answered whole", async () => {
    using client = await connect();
    const count = 50_000;
    await client.ask("PING\r\n".repeat(count), "+PONG\r\n".repeat(count));
    expect(upstream.commandCount).toBe(count);
  });

  test("a value of 8 MiB comes back as it was", async () => {
    using client = await connect();
    const value = Buffer.alloc(8 << 20);
    for (let i = 0; i < value.length; i += 4) value.writeUInt32LE((i * 2654435761) >>> 0, i);
    client.send(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n`);
    client.send(value);
    await client.ask("\r\n", "+OK\r\n");
    await client.ask("GET k\r\n", `$${value.length}\r\n${value.toString("latin1")}\r\n`);
  });

  test("connections are counted and forgotten", async () => {
    using one = await connect();
    const two = await connect();
    await one.ask("CLIENT ID\r\n", ":1\r\n");
    await two.ask("CLIENT ID\r\n", ":2\r\n");
    expect(upstream.connectionCount).toBe(2);
    two.reset();
    await untilTurn(() => upstream.connectionCount === 1);
  });

  test("a unix socket", async () => {
    const unix = join(tmpdir(), `ringway-embedded-${crypto.randomUUID()}.sock`);
    try {
      using local = startEmbeddedUpstream({ unix });
      expect(local.address).toEqual({ unix });
      using client = await TestClient.connect(local.address);
      await client.ask("PING\r\n", "+PONG\r\n");
    } finally {
      rmSync(unix, { force: true });
    }
  });

  test("the memory limit is passed on", async () => {
    using small = startEmbeddedUpstream({ memoryBytesMax: 0 });
    using client = await TestClient.connect(small.address);
    await client.ask("SET a b\r\n", "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  });

  test("stop closes connections, and may be called twice", async () => {
    const client = await connect();
    await client.ask("PING\r\n", "+PONG\r\n");
    upstream.stop();
    upstream.stop();
    await client.until(() => client.ended || client.closed);
    await expect(TestClient.connect(upstream.address)).rejects.toThrow();
  });
});

describe("a client that does not read", () => {
  const valueBytes = 256 * 1024;
  const gets = 1000;
  const replyBytes = valueBytes + "$262144\r\n\r\n".length;

  async function storeValue(): Promise<void> {
    using client = await connect();
    await client.ask(`SET k ${"x".repeat(60_000)}\r\n`, "+OK\r\n");
    client.send(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${valueBytes}\r\n`);
    await client.ask(`${"x".repeat(valueBytes)}\r\n`, "+OK\r\n");
  }

  test("stops the execution of its pipeline until it reads, and then gets every byte", async () => {
    await storeValue();
    const before = upstream.commandCount;
    using client = await connect(true);
    client.keepsText = false;
    client.send("GET k\r\n".repeat(gets));
    await untilTurn(() => upstream.commandCount > before);
    const rounds = 50;
    await roundTrips(rounds);
    // What has been executed is what the socket buffers of both ends took, some megabytes, plus
    // one.
    expect(upstream.commandCount - before - rounds).toBeLessThan(100);
    client.resume();
    await client.until(() => client.receivedBytes >= gets * replyBytes);
    expect(client.receivedBytes).toBe(gets * replyBytes);
    await client.ask("", "");
  }, 20_000);

  test("is itself held back, so that nothing grows", async () => {
    using client = await connect(true);
    const flood = "PING\r\n".repeat(100_000);
    let sentBytes = 0;
    // Both ends' buffers hold some tens of megabytes at most: more can only have gone into our
    // memory.
    for (let i = 0; i < 400 && client.unsentBytes === 0; i++) {
      client.send(flood);
      sentBytes += flood.length;
      await roundTrips(5);
    }
    expect(client.unsentBytes).toBeGreaterThan(0);
    expect(sentBytes).toBeLessThan(100e6);
    const executed = upstream.commandCount;
    await roundTrips(50);
    expect(upstream.commandCount).toBe(executed + 50);
  }, 20_000);

  test("and is reset leaves nothing behind", async () => {
    await storeValue();
    const before = upstream.commandCount;
    const client = await connect(true);
    client.send("GET k\r\n".repeat(gets));
    await untilTurn(() => upstream.commandCount > before);
    await roundTrips(3);
    client.reset();
    await untilTurn(() => upstream.connectionCount === 0);
    await roundTrips(1);
  });

  test("and has sent its FIN still gets every answer", async () => {
    await storeValue();
    const before = upstream.commandCount;
    using client = await connect(true);
    client.keepsText = false;
    client.send("GET k\r\n".repeat(200));
    client.shutdown();
    await untilTurn(() => upstream.commandCount > before);
    await roundTrips(3);
    client.resume();
    await client.until(() => client.ended || client.closed);
    expect(client.receivedBytes).toBe(200 * replyBytes);
  });
});

describe("the end", () => {
  test("what was sent before a FIN is answered before ours", async () => {
    using client = await connect();
    client.send("SET k v\r\nGET k\r\nGET unfinished");
    client.shutdown();
    await client.until(() => client.ended || client.closed);
    expect(client.received).toBe("+OK\r\n$1\r\nv\r\n");
    await untilTurn(() => upstream.connectionCount === 0);
  });

  test("QUIT answers, then closes, whatever follows it", async () => {
    using client = await connect();
    client.send("PING\r\nQUIT\r\nPING\r\n");
    await client.until(() => client.ended || client.closed);
    expect(client.received).toBe("+PONG\r\n+OK\r\n");
    client.shutdown();
    await untilTurn(() => upstream.connectionCount === 0);
  });

  test("a protocol error is told although input is under way, then comes the FIN", async () => {
    using client = await connect();
    client.send(Buffer.alloc(8 << 20, "*x\r\n"));
    await client.until(() => client.ended || client.closed);
    expect(client.received).toBe("-ERR Protocol error: invalid multibulk length\r\n");
    expect(client.closed).toBe(false);
  });
});

describe("hostile input", () => {
  test.each([
    ["zeros", Buffer.alloc(1 << 20)],
    ["a TLS hello", Buffer.from("16030100f8010000f40303ff0d0a", "hex")],
    ["an HTTP request", Buffer.from("POST / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\n")],
    ["line ends", Buffer.alloc(1 << 20, "\r\n")],
    ["empty arrays", Buffer.alloc(1 << 20, "*0\r\n*-1\r\n")],
    ["a million arguments announced", Buffer.from("*1048576\r\n$536870912\r\nabc")],
    ["a quote that never ends", Buffer.from(`"${"\\".repeat(60_000)}`)],
  ])("%s: the others go on", async (_, bytes) => {
    using client = await connect();
    client.send(bytes);
    using other = await connect();
    await other.ask("SET k v\r\nGET k\r\n", "+OK\r\n$1\r\nv\r\n");
    client.shutdown();
    await client.until(() => client.ended || client.closed);
    await other.ask("GET k\r\n", "$1\r\nv\r\n");
  });

  test("many clients that announce large values hold no memory for them", async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => connect()));
    const before = process.memoryUsage.rss();
    for (const client of clients) client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc");
    await roundTrips(5);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 << 20);
    for (const client of clients) client.reset();
    await untilTurn(() => upstream.connectionCount === 0);
  });
});

describe("client libraries", () => {
  function port(): number {
    return "port" in upstream.address ? upstream.address.port : 0;
  }

  test("Bun's RedisClient, which speaks RESP3", async () => {
    const client = new Bun.RedisClient(`redis://127.0.0.1:${port()}`);
    expect(await client.set("k", "v")).toBe("OK");
    expect(await client.get("k")).toBe("v");
    expect(await client.get("nope")).toBeNull();
    expect(await client.incr("n")).toBe(1);
    expect(await client.exists("k")).toBe(true);
    expect(await client.ttl("k")).toBe(-1);
    expect(await client.send("CONFIG", ["GET", "save"])).toEqual({ save: "" });
    expect(await client.send("INFO", ["server"])).toContain("redis_version");
    await expect(client.send("LPUSH", ["a", "b"])).rejects.toThrow("unknown command 'LPUSH'");
    const values = Array.from({ length: 1000 }, (_, i) => `value ${i}`);
    await Promise.all(values.map((value, i) => client.set(`k${i}`, value)));
    expect(await Promise.all(values.map((_, i) => client.get(`k${i}`)))).toEqual(values);
    client.close();
  });

  test("ioredis, which speaks RESP2", async () => {
    const client = new Redis({ port: port(), host: "127.0.0.1", connectionName: "me" });
    expect(await client.set("k", "v", "EX", 100)).toBe("OK");
    expect(await client.get("k")).toBe("v");
    expect(await client.ttl("k")).toBe(100);
    expect(await client.get("nope")).toBeNull();
    expect(await client.mget("k", "nope")).toEqual(["v", null]);
    expect(await client.client("GETNAME")).toBe("me");
    expect(await client.config("GET", "save")).toEqual(["save", ""]);
    const results = await client.pipeline().incr("n").incr("n").lpush("l", "x").exec();
    expect(results?.slice(0, 2)).toEqual([
      [null, 1],
      [null, 2],
    ]);
    expect(String(results?.[2]?.[0])).toContain("unknown command 'lpush'");
    expect(await client.quit()).toBe("OK");
  });
});
