import { describe, expect, test } from "bun:test";
import { Writable } from "node:stream";
import { CliProcess } from "../../test/fixtures/cli-process.ts";
import { startUpstream } from "../upstreams/upstream.ts";
import { type Compared, compare, type Way } from "./comparison.ts";
import { comparisonSentence, comparisonTable } from "./comparison-table.ts";
import { Latencies } from "./latencies.ts";
import type { LoadResult } from "./load.ts";
import { openScreen } from "./screen.ts";
import { ServerCpu } from "./server-cpu.ts";

function result(requests: number, elapsedMs: number): LoadResult {
  const latencies = new Latencies();
  return { name: "", requests, errors: 0, bytes: 0, elapsedMs, latencies, failure: null };
}

/** The comparison with so many clients, for which the server's CPU was this on each way. */
function compared(clients: number, ...micros: readonly (number | null)[]): Compared[] {
  const ways: readonly Way[] = ["direct", "relayed", "multiplexed"];
  return ways.map((way, at) => ({
    ...{ way, clients, result: result(20_000, 2_000), serverMicros: micros[at] ?? null },
  }));
}

describe("what the comparison says", () => {
  test("the server's CPU, and what of it multiplexing left", () => {
    const all = [...compared(50, 20, 21, 5), ...compared(500, 20, 22, 4)];
    const lines = comparisonTable(all).split("\n");
    expect(lines[0]).toMatch(
      /^SET +clients +requests\/s +p50 ms +p99 ms +server µs\/SET +of direct$/,
    );
    expect(lines[3]).toMatch(/^multiplexed +50 +10,000 +0\.000 +0\.000 +5\.0 +0\.25$/);
    expect(comparisonSentence(all)).toBe(
      "The server spent 0.25 of the CPU per request with 50 clients and 0.20 with 500\n" +
        "when ringway multiplexed them, compared with clients connected directly.",
    );
    const shown = `${lines.join("\n")}\n${comparisonSentence(all)}`;
    for (const line of shown.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("that it saved nothing, where that is so", () => {
    const all = [...compared(50, 20, 21, 20), ...compared(500, 20, 22, 4)];
    expect(comparisonSentence(all)).toEndWith("\nWith 50 clients, that saved nothing.");
  });

  test("nothing about the CPU where that cannot be told", () => {
    const all = compared(50, null, null, null);
    expect(comparisonTable(all)).toMatch(/^SET +clients +requests\/s +p50 ms +p99 ms\ndirect /);
    expect(comparisonSentence(all)).toContain("does not say how much CPU");
  });
});

test("the server's CPU is counted from the first answers until the time is over", () => {
  let micros: number | null = 1_000;
  const cpu = new ServerCpu(() => micros, 2_000);
  cpu.tick(result(0, 0));
  expect(cpu.microsPerRequest).toBeNull();
  micros = 5_000;
  cpu.tick(result(100, 100));
  micros = 25_000;
  cpu.tick(result(1_100, 1_900));
  // Connections are closed.
  micros = 99_000;
  cpu.tick(result(1_200, 2_001));
  expect(cpu.microsPerRequest).toBe(20);
  micros = null;
  const blind = new ServerCpu(() => micros, 2_000);
  blind.tick(result(100, 100));
  blind.tick(result(200, 200));
  expect(blind.microsPerRequest).toBeNull();
});

test("the same SETs are answered direct, relayed and multiplexed, in turn", async () => {
  const server = await startUpstream("embedded");
  await using _ = { [Symbol.asyncDispose]: () => server.child.stop() };
  const flags = ["-l", "127.0.0.1:0", "-u", `127.0.0.1:${server.port}`];
  await using relaying = new CliProcess(flags);
  await using multiplexing = new CliProcess([...flags, "--mode", "valkey"]);
  const ports = {
    direct: server.port,
    relayed: await relaying.port(),
    multiplexed: await multiplexing.port(),
  };
  let shown = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      shown += chunk;
      done();
    },
  });
  const screen = openScreen(stream as NodeJS.WriteStream);
  const wanted = { ports, serverPid: server.child.pid, durationMs: 400, warmUpMs: 10 };
  const { signal } = new AbortController();
  const all = await compare({ ...wanted, clients: [3, 9] }, screen, signal);
  const order = all.map(({ way, clients }) => `${way} ${clients}`);
  expect(order).toEqual([3, 9].flatMap((n) => Object.keys(ports).map((way) => `${way} ${n}`)));
  for (const { result: one } of all) expect(one).toMatchObject({ errors: 0, failure: null });
  expect(shown.match(/^SET, 9 clients, multiplexed: /gm)).toHaveLength(1);
  const isAborted = AbortSignal.abort(new Error("enough"));
  await expect(compare({ ...wanted, clients: [3] }, screen, isAborted)).rejects.toThrow("enough");
});
