import { describe, expect, test } from "bun:test";
import type { Statistics } from "../../src/observe/statistics.ts";
import { findProgram, runProgram, startOnFreePort } from "../clients/programs.ts";
import { CliProcess } from "../fixtures/cli-process.ts";
import { End } from "../fixtures/end.ts";
import { Upstream } from "../fixtures/upstream.ts";
import { waitFor } from "../fixtures/wait.ts";

const MIB = 1024 * 1024;

/** More than iperf3 exchanges on its connection for control, in either direction. */
const CONTROL_MAX = 64 * 1024;

/** What each stream carries where there is no iperf3. */
const STREAM_BYTES = 128 * MIB;

const iperf3 = findProgram("iperf3");

/** Which way the bytes go. */
type Direction = "up" | "down";

describe(`${iperf3 ?? "Bun sockets"}: bulk streams through the proxy`, () => {
  test.each([
    [1, "up"],
    [1, "down"],
    [4, "up"],
    [4, "down"],
  ] as const)("%d streams, %s", async (streams, direction) => {
    if (iperf3 === null) await streamWithSockets(streams, direction);
    else await streamWithIperf3(iperf3, streams, direction);
  });
});

/** The proxy in front of an upstream while `play` runs. @returns what it says at its end */
async function behindProxy(
  upstreamPort: number,
  play: (port: number) => Promise<void>,
): Promise<Statistics> {
  const upstream = `127.0.0.1:${upstreamPort}`;
  await using proxy = new CliProcess(["-l", "127.0.0.1:0", "-u", upstream, "--stats", "json"]);
  await play(await proxy.port());
  const { code, out, err } = await proxy.stop();
  expect(code, err).toBe(0);
  const statistics = JSON.parse(out) as Statistics;
  const { relays, memory } = statistics;
  expect(relays).toMatchObject({ running: 0, ended: relays.accepted });
  expect(relays.reasons.drain).toBeUndefined();
  expect(memory.segmentsLeased).toBe(0);
  return statistics;
}

/** The parts of iperf3's report that are compared. */
interface Report {
  readonly error?: string;
  readonly end: { sum_sent: { bytes: number }; sum_received: { bytes: number } };
}

async function streamWithIperf3(
  path: string,
  streams: number,
  direction: Direction,
): Promise<void> {
  const upstream = await startOnFreePort(
    (port) => [path, "-s", "-B", "127.0.0.1", "-p", String(port)],
    accepts,
  );
  let report: Report | null = null;
  try {
    const statistics = await behindProxy(upstream.port, async (port) => {
      const place = ["-c", "127.0.0.1", "-p", String(port), "-J", "-t", "1"];
      const load = ["-P", String(streams), ...(direction === "down" ? ["-R"] : [])];
      const { code, out } = await runProgram([path, ...place, ...load]);
      expect(code, out).toBe(0);
      report = JSON.parse(out) as Report;
    });
    expectSameBytes(report, statistics, direction);
    expect(statistics.relays.accepted).toBe(streams + 1);
  } finally {
    upstream.child.kill("SIGKILL");
    await upstream.child.exited;
  }
}

/**
 * What the receiver counted, the proxy has sent; what the proxy received, the sender counted. They
 * need not be equal: at its end iperf3 leaves bytes unread that are under way.
 */
function expectSameBytes(
  report: Report | null,
  statistics: Statistics,
  direction: Direction,
): void {
  if (report === null) throw new Error("iperf3 has reported");
  const { sum_sent: sent, sum_received: received } = report.end;
  const flow = statistics[direction];
  expect(received.bytes).toBeGreaterThan(MIB);
  expect(flow.sentBytes).toBeGreaterThanOrEqual(received.bytes);
  expect(flow.receivedBytes).toBe(flow.sentBytes + flow.lostBytes);
  expect(flow.receivedBytes).toBeLessThanOrEqual(sent.bytes + CONTROL_MAX);
  expect(statistics[direction === "up" ? "down" : "up"].receivedBytes).toBeLessThan(CONTROL_MAX);
}

async function streamWithSockets(streams: number, direction: Direction): Promise<void> {
  const offer = (end: End) => void end.offer({ seed: 1, total: STREAM_BYTES }).finish();
  const upstream = Upstream.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, (end) => {
    end.expects(1);
    if (direction === "down") offer(end);
    else end.onFin = () => void end.finish();
  });
  if (upstream.address.kind !== "tcp") throw new Error("a TCP address was asked for");
  const clients: End[] = [];
  const statistics = await behindProxy(upstream.address.port, async (port) => {
    for (let index = 0; index < streams; index++) {
      const client = await End.connect({ kind: "tcp", host: "127.0.0.1", port });
      clients.push(client.expects(1));
      if (direction === "up") offer(client);
      else client.onFin = () => void client.finish();
    }
    await waitFor(() => clients.every((client) => client.closed), "all streams are over", 30_000);
  });
  const receivers = direction === "up" ? upstream.ends : clients;
  for (const end of receivers) {
    expect(end).toMatchObject({ receivedBytes: STREAM_BYTES, mismatchAt: -1 });
  }
  expect(statistics[direction]).toMatchObject({
    receivedBytes: streams * STREAM_BYTES,
    sentBytes: streams * STREAM_BYTES,
  });
  upstream.close();
}

/** Whether something listens there; iperf3 takes a connection that says nothing for none. */
async function accepts(port: number): Promise<boolean> {
  try {
    (await End.connect({ kind: "tcp", host: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
