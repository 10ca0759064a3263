import { standardStream } from "../src/cli/output.ts";
import type { Statistics } from "../src/observe/statistics.ts";
import { CliProcess } from "../test/fixtures/cli-process.ts";
import { type LoadResult, LoadRun } from "./demo/load.ts";
import { loads } from "./demo/loads.ts";
import { openScreen, type Screen } from "./demo/screen.ts";
import { proxyLines, table } from "./demo/table.ts";

// `bun run demo`: the proxy as a person would start it, in a process of its own, between an
// upstream in another thread and clients in this one, so that none of the three waits for another.

/** What makes the demo end with 1: a sentence for a person. */
class DemoError extends Error {}

/** Starts the embedded upstream in a thread of its own. @returns its port */
async function startUpstream(): Promise<number> {
  const worker = new Worker(new URL("./demo/upstream-thread.ts", import.meta.url));
  worker.unref();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new DemoError(`the upstream failed: ${message}`));
  return await promise;
}

async function demo(screen: Screen, signal: AbortSignal): Promise<void> {
  const upstream = `127.0.0.1:${await startUpstream()}`;
  const flags = ["--listen", "127.0.0.1:0", "--upstream", upstream, "--stats", "json"];
  await using proxy = new CliProcess(flags);
  // However the demo ends, the proxy does not outlive it.
  process.on("exit", () => proxy.child.kill("SIGKILL"));
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
    screen.begin(load);
    const tick = (soFar: LoadResult) => screen.tick(soFar);
    try {
      const result = await new LoadRun(load).run("127.0.0.1", port, tick, signal);
      tick(result);
      results.push(result);
      if (result.failure !== null) break;
    } finally {
      screen.end();
    }
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

async function main(): Promise<number> {
  for (const name of ["stdout", "stderr"] as const) standardStream(name);
  const stopped = new AbortController();
  process.on("SIGINT", () => stopped.abort(130));
  process.on("SIGTERM", () => stopped.abort(143));
  const screen = openScreen(process.stdout);
  try {
    await demo(screen, stopped.signal);
    return 0;
  } catch (error) {
    if (stopped.signal.aborted) return stopped.signal.reason;
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

process.exit(await main());
