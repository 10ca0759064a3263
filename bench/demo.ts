import { standardStream } from "../src/cli/output.ts";
import type { Statistics } from "../src/observe/statistics.ts";
import { CliProcess } from "../test/fixtures/cli-process.ts";
import { compare } from "./demo/comparison.ts";
import { comparisonSentence, comparisonTable } from "./demo/comparison-table.ts";
import type { LoadResult } from "./demo/load.ts";
import { loads } from "./demo/loads.ts";
import { openScreen, type Screen } from "./demo/screen.ts";
import { runShown } from "./demo/shown-run.ts";
import { proxyLines, table } from "./demo/table.ts";
import { relayLimit } from "./measure/limits.ts";
import { isValkeyNamed, startUpstream, valkeyVersion } from "./upstreams/upstream.ts";

// `bun run demo`: the proxy as a person would start it, in a process of its own, between an
// upstream in another thread and clients in this one, so that none of the three waits for another.
// Then the same load three times, once through `--mode valkey`, to an upstream in a process of its
// own, so that its CPU can be told.

/** What makes the demo end with 1: a sentence for a person. */
class DemoError extends Error {}

/** Starts the embedded upstream in a thread of its own. @returns its port */
async function startThread(): Promise<number> {
  const worker = new Worker(new URL("./demo/upstream-thread.ts", import.meta.url));
  worker.unref();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new DemoError(`the upstream failed: ${message}`));
  return await promise;
}

/** Starts the proxy. However the demo ends, it does not outlive it. */
function startProxy(upstream: string, ...flags: string[]): CliProcess {
  const proxy = new CliProcess(["--listen", "127.0.0.1:0", "--upstream", upstream, ...flags]);
  process.on("exit", () => proxy.child.kill("SIGKILL"));
  return proxy;
}

/** What the proxy relays, and that nothing is lost. */
async function showRelays(screen: Screen, signal: AbortSignal): Promise<void> {
  const upstream = `127.0.0.1:${await startThread()}`;
  await using proxy = startProxy(upstream, "--stats", "json");
  const port = await proxy.port();
  screen.line(`clients → proxy at 127.0.0.1:${port} → embedded upstream at ${upstream}`);
  const results = await drive(port, screen, signal);
  const { code, out, err } = await proxy.stop();
  screen.line("");
  screen.line(table(results));
  if (code !== 0) throw new DemoError(`the proxy ended with ${code}:\n${err}`);
  const statistics = JSON.parse(out) as Statistics;
  screen.line(proxyLines(statistics));
  const failed = results.find(({ failure }) => failure !== null);
  if (failed !== undefined) throw new DemoError(`${failed.name}: ${failed.failure}`);
  audit(statistics);
}

/** Runs the loads one after the other, up to the first that fails. */
async function drive(port: number, screen: Screen, signal: AbortSignal): Promise<LoadResult[]> {
  const results: LoadResult[] = [];
  for (const load of loads) {
    const result = await runShown(load, port, screen, signal);
    results.push(result);
    if (result.failure !== null) break;
  }
  return results;
}

/** Checks that the proxy saw what the clients saw: every relay ended in order, nothing was lost. */
function audit({ relays, up, down, memory }: Statistics): void {
  const { client_fin: inOrder = 0 } = relays.reasons;
  if (relays.running > 0) throw new DemoError(`the proxy kept ${relays.running} relays`);
  const connections = loads.reduce((sum, load) => sum + load.connections, 0);
  if (inOrder !== connections || relays.ended !== connections) {
    throw new DemoError(`${connections} relays should have ended by client_fin, ${inOrder} did`);
  }
  const lostBytes = up.lostBytes + down.lostBytes;
  if (lostBytes > 0) throw new DemoError(`the proxy lost ${lostBytes} bytes`);
  if (memory.segmentsLeased > 0) {
    throw new DemoError(`${memory.segmentsLeased} segments are still in use`);
  }
}

/** How many clients are compared, how long each run takes, and each one to warm up. */
const CLIENTS = [50, 500];
const COMPARED_MS = 2_000;
const WARM_UP_MS = 500;

/** The same load direct, relayed and multiplexed, and what it costs the server. */
async function showMultiplexing(screen: Screen, signal: AbortSignal): Promise<void> {
  const server = await startUpstream(isValkeyNamed ? "valkey" : "embedded");
  const upstream = `127.0.0.1:${server.port}`;
  await using relaying = startProxy(upstream);
  await using multiplexing = startProxy(upstream, "--mode", "valkey");
  const ports = {
    direct: server.port,
    relayed: await relaying.port(),
    multiplexed: await multiplexing.port(),
  };
  const clients = CLIENTS.filter((count) => count <= relayLimit());
  screen.line("");
  screen.line("the same SETs direct, relayed, and multiplexed (--mode valkey)");
  // Behind the version is only how it was built.
  const [version] = isValkeyNamed ? (await valkeyVersion()).split(" sha=") : ["embedded upstream"];
  screen.line(`clients → proxies → ${version} at ${upstream}`);
  for (const count of CLIENTS.slice(clients.length)) {
    screen.line(`${count} clients are left out: too few open files are allowed (ulimit -n)`);
  }
  const durations = { durationMs: COMPARED_MS, warmUpMs: WARM_UP_MS };
  const wanted = { ports, serverPid: server.child.pid, clients, ...durations };
  const compared = await compare(wanted, screen, signal);
  for (const proxy of [relaying, multiplexing]) {
    const { code, err } = await proxy.stop();
    if (code !== 0) throw new DemoError(`the proxy ended with ${code}:\n${err}`);
  }
  await server.child.stop();
  screen.line("");
  screen.line(comparisonTable(compared));
  const failed = compared.find(({ result }) => result.failure !== null)?.result;
  if (failed !== undefined) throw new DemoError(`${failed.name}: ${failed.failure}`);
  screen.line(comparisonSentence(compared));
}

async function main(): Promise<number> {
  for (const name of ["stdout", "stderr"] as const) standardStream(name);
  const stopped = new AbortController();
  process.on("SIGINT", () => stopped.abort(130));
  process.on("SIGTERM", () => stopped.abort(143));
  const screen = openScreen(process.stdout);
  try {
    await showRelays(screen, stopped.signal);
    await showMultiplexing(screen, stopped.signal);
    return 0;
  } catch (error) {
    if (stopped.signal.aborted) return stopped.signal.reason;
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

process.exit(await main());
