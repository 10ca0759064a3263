import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ValkeyDocument, ValkeyListenerDocument } from "../../src/admin/valkey-document.ts";
import { type RestartableUpstream, redisName, startRedis } from "../clients/redis-upstream.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { parseExposition, sampleValue } from "../fixtures/exposition.ts";
import { waitFor } from "../fixtures/wait.ts";

// Figures by command, of listeners of mode `valkey`: counted by workers, read by the admin server.

const engines = process.platform === "linux" ? ["sockets", "uring"] : ["sockets"];
let redis: RestartableUpstream;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});

describe.each(engines)("figures by command of engine %s", (engine) => {
  test.each([1, 2])(`with %d workers, through to ${redisName}`, async (workers) => {
    const flags = ["--mode", "valkey", "--engine", engine, "--workers", String(workers)];
    const upstream = ["-u", `127.0.0.1:${redis.port}`, "-l", "127.0.0.1:0"];
    const proxy = new CliProcess([...flags, ...upstream, "--admin", "127.0.0.1:0", "-v"]);
    await using _ = proxy;
    const port = await proxy.port();
    const [, base = ""] = await proxy.logged(/admin page, API and metrics on (\S+)/);
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => End.connect({ kind: "tcp", host: "127.0.0.1", port })),
    );
    const big = "x".repeat(20_000);
    const requests = [
      "SET text 1\r\n",
      "GET text\r\n",
      "LPUSH text 1\r\n",
      "CONFIG GET save\r\n",
      `SET big ${big}\r\n`,
      "GET big\r\n",
    ];
    for (const client of clients) client.send(requests.join(""));
    const read = async () => {
      const response = await fetch(`${base}/api/valkey`);
      return ((await response.json()) as ValkeyDocument).listeners[0] as ValkeyListenerDocument;
    };
    let figures = await read();
    await waitFor(async () => {
      figures = await read();
      return figures.commands.reduce((sum, { calls }) => sum + calls, 0) === 8 * requests.length;
    }, "all replies");
    const command = (name: string) => figures.commands.find((one) => one.command === name);
    expect(command("SET")).toMatchObject({ calls: 16, errors: 0, replyBytes: 16 * 5 });
    expect(command("GET")?.replyBytes).toBe(8 * (7 + big.length + 10));
    expect(command("LPUSH")).toMatchObject({ calls: 8, errors: 8 });
    expect(command("CONFIG GET")).toMatchObject({ calls: 8, errors: 0 });
    expect(command("SET")?.upstreamMs?.mean).toBeGreaterThan(0);
    expect(figures).toMatchObject({ clients: 8, repliesOwed: 0, lostConnections: 0, ownErrors: 0 });
    expect(figures.biggest.slice(0, 8).map((one) => one.command)).toEqual(
      new Array<string>(8).fill("GET"),
    );
    expect(JSON.stringify(figures)).not.toContain("xxx");

    const families = parseExposition(await (await fetch(`${base}/metrics`)).text());
    const value = (name: string, labels = {}) =>
      sampleValue(families, `ringway_valkey_${name}`, labels);
    expect(value("commands_total", { command: "SET" })).toBe(16);
    expect(value("command_errors_total", { command: "LPUSH" })).toBe(8);
    expect(value("upstream_seconds_bucket", { command: "GET", le: "+Inf" })).toBe(16);
    expect(value("wait_seconds_count", { command: "GET" })).toBe(16);
    expect(value("clients")).toBe(8);
    for (const client of clients) client.finish();
    const { out } = await proxy.stop();
    // Statistics at the end.
    expect(out).toMatch(/^(SET|GET) +16 +0 +\S+ ms +\S+ ms +\S+ ms$/m);
  });
});
