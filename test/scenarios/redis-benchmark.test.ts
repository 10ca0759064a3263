import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LoadRun } from "../../bench/demo/load.ts";
import { OK, request } from "../../bench/demo/resp.ts";
import type { Statistics } from "../../src/observe/statistics.ts";
import { findProgram, runProgram } from "../clients/programs.ts";
import { type RestartableUpstream, redisName, startRedis } from "../clients/redis-upstream.ts";
import { CliProcess } from "../fixtures/cli-process.ts";

// The case of liburing #1338, where the C proxy died of ten SET requests, and heavier ones.

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Bytes that one case may have under way at once: redis-benchmark holds them all in memory.
 * `RINGWAY_UNDER_WAY=1024` has the heaviest ones, too.
 */
const UNDER_WAY_MAX = Number(process.env.RINGWAY_UNDER_WAY ?? 256) * MIB;

/** What a case sends in all, unless every connection's first pipeline is more. */
const REQUESTS_MAX = 5_000;
const BYTES_MAX = 32 * MIB;

const benchmark = findProgram("redis-benchmark");
const clientName = benchmark === null ? "Bun sockets" : "redis-benchmark";

interface Case {
  readonly connections: number;
  readonly pipeline: number;
  readonly payload: number;
  readonly requests: number;
}

let redis: RestartableUpstream;
let proxy: CliProcess;
let port = 0;
let requestsSent = 0;
let payloadSent = 0;

beforeAll(async () => {
  redis = await startRedis();
  const upstream = `127.0.0.1:${redis.port}`;
  proxy = new CliProcess(["-l", "127.0.0.1:0", "-u", upstream, "--stats", "json"]);
  port = await proxy.port();
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

describe(`${clientName} through the proxy to ${redisName}`, () => {
  test("10 SET requests on one connection", async () => {
    await drive({ connections: 1, pipeline: 1, payload: 3, requests: 10 });
  });

  test.each(cases())(
    "$connections connections, pipelines of $pipeline, $payload bytes: $requests requests",
    drive,
    60_000,
  );

  test("the proxy has lost nothing and keeps nothing", async () => {
    const { code, out } = await proxy.stop();
    expect(code).toBe(0);
    const { relays, up, down, memory } = JSON.parse(out) as Statistics;
    const { client_fin: inOrder } = relays.reasons;
    expect(relays).toMatchObject({ running: 0, reasons: { client_fin: relays.accepted } });
    expect(relays.ended).toBe(inOrder ?? 0);
    expect(memory.segmentsLeased).toBe(0);
    for (const flow of [up, down]) {
      expect(flow).toMatchObject({ lostBytes: 0, discardedBytes: 0 });
      expect(flow.sentBytes).toBe(flow.receivedBytes);
    }
    expect(up.receivedBytes).toBeGreaterThanOrEqual(payloadSent);
    expect(down.receivedBytes).toBeGreaterThanOrEqual(OK.length * requestsSent);
  });
});

/** Every count of connections with every pipeline and payload, as far as memory allows. */
function cases(): Case[] {
  const result: Case[] = [];
  for (const payload of [3, KIB, 64 * KIB, MIB]) {
    for (const connections of [1, 50, 500]) {
      for (const pipeline of [1, 16]) {
        const atOnce = connections * pipeline;
        if (atOnce * payload > UNDER_WAY_MAX) continue;
        const requests = Math.min(REQUESTS_MAX, Math.floor(BYTES_MAX / payload));
        const rounds = Math.max(1, Math.floor(requests / atOnce));
        result.push({ connections, pipeline, payload, requests: rounds * atOnce });
      }
    }
  }
  return result;
}

async function drive(given: Case): Promise<void> {
  if (benchmark === null) await driveWithSockets(given);
  else await driveWithBenchmark(benchmark, given);
  requestsSent += given.requests;
  payloadSent += given.requests * given.payload;
}

async function driveWithBenchmark(path: string, given: Case): Promise<void> {
  const { connections, pipeline, payload, requests } = given;
  const place = ["-h", "127.0.0.1", "-p", String(port), "-t", "set"];
  const load = ["-n", requests, "-c", connections, "-P", pipeline, "-d", payload].map(String);
  const { code, out, err } = await runProgram([path, ...place, ...load]);
  expect(err).toBe("");
  expect(code).toBe(0);
  expect(out).not.toMatch(/error|warning|refused|reset/i);
  expect(out).toContain(`\n  ${requests} requests completed in `);
}

async function driveWithSockets(given: Case): Promise<void> {
  const { connections, pipeline, payload, requests } = given;
  const one = request("SET", "key", Buffer.alloc(payload, "x"));
  const batch = {
    request: Buffer.concat(Array.from({ length: pipeline }, () => one)),
    reply: Buffer.concat(Array.from({ length: pipeline }, () => OK)),
    requests: pipeline,
  };
  const batchesMax = requests / connections / pipeline;
  const load = { name: "SET", connections, batches: () => [batch], batchesMax, durationMs: 60_000 };
  const result = await new LoadRun(load).run("127.0.0.1", port, () => {});
  expect(result).toMatchObject({ requests, errors: 0, failure: null });
}
