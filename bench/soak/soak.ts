import { join } from "node:path";
import { execute } from "../load/execute.ts";
import type { LoadSpec } from "../load/load.ts";
import { RemoteLoad } from "../load/remote.ts";
import { freePort } from "../measure/child.ts";
import { describeMachine, type Machine } from "../measure/machine.ts";
import { descriptorsOfTree, memoryOfTree } from "../measure/process-tree.ts";
import { startUpstream } from "../upstreams/upstream.ts";
import type { Vitals } from "./proxy.ts";
import { judge, type Sample, type Verdict } from "./verdict.ts";

/** What came out of a soak. */
export interface SoakResult {
  readonly startedAt: string;
  readonly engine: string;
  readonly seconds: number;
  readonly machine: Machine;
  /** Per load: everything it did, every answer checked. */
  readonly operations: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
  readonly verdicts: readonly Verdict[];
  /** Figures after the loads had gone, which must be back where they were. */
  readonly after: Sample;
  /** What went wrong, in a load or at the end; empty when all was well. */
  readonly failures: readonly string[];
}

const VALUE_BYTES = 64 * 1024;
const SAMPLE_MS = 1_000;
/** Loads close their connections and open new ones this often. */
const WINDOW_MS = 5_000;
/** How long relays get to end once their clients have gone. */
const SETTLE_MS = 2_000;

/** The mixed load: the chatty, the large, the short, the slow and the rude, all at once. */
const loads: readonly LoadSpec[] = [
  { kind: "requests", connections: 20, request: "ping", valueBytes: 0, pipeline: 1 },
  { kind: "requests", connections: 4, request: "set", valueBytes: VALUE_BYTES, pipeline: 2 },
  { kind: "requests", connections: 4, request: "get", valueBytes: VALUE_BYTES, pipeline: 4 },
  { kind: "churn", concurrency: 4 },
  // Each asks for 32 MiB at once, far more than the kernel holds on the way.
  { kind: "slow", connections: 8, valueBytes: VALUE_BYTES, pipeline: 512 },
  { kind: "rude", concurrency: 8, valueBytes: VALUE_BYTES },
];

/** Soaks one engine for this long, and looks at it every second. */
export async function soak(
  engine: string,
  ms: number,
  onSample: (sample: Sample) => void,
): Promise<SoakResult> {
  const startedAt = new Date();
  const upstream = await startUpstream("redis");
  await execute(upstream.port, "set", VALUE_BYTES);
  const proxy = await startSoakedProxy(engine, upstream.port);
  const failures: string[] = [];
  const operations: Record<string, number> = {};
  const samples: Sample[] = [];
  const look = () => proxy.sample((Date.now() - startedAt.getTime()) / 1_000);
  try {
    const endsAt = performance.now() + ms;
    const working = loads.map((spec) => work(spec, proxy.port, endsAt, operations, failures));
    while (performance.now() < endsAt) {
      await Bun.sleep(SAMPLE_MS);
      const sample = await look();
      samples.push(sample);
      onSample(sample);
    }
    await Promise.all(working);
    await Bun.sleep(SETTLE_MS);
    const after = await look();
    if (after.leased > 0) failures.push(`${after.leased} segments were not given back`);
    if (after.relays > 0) failures.push(`${after.relays} relays did not end`);
    const { length } = samples;
    return {
      startedAt: startedAt.toISOString(),
      engine,
      seconds: samples[length - 1]?.seconds ?? 0,
      machine: await describeMachine(),
      operations,
      samples,
      verdicts: judge(samples),
      after,
      failures,
    };
  } finally {
    await proxy.stop();
    await upstream.child.stop();
  }
}

/** Lets one load work in windows until the end, with new connections in each. */
async function work(
  spec: LoadSpec,
  port: number,
  endsAt: number,
  operations: Record<string, number>,
  failures: string[],
): Promise<void> {
  const name = spec.kind === "requests" ? spec.request : spec.kind;
  const load = new RemoteLoad(spec);
  try {
    while (performance.now() < endsAt) {
      await load.connect(port);
      const result = await load.run(Math.min(WINDOW_MS, Math.max(1, endsAt - performance.now())));
      operations[name] = (operations[name] ?? 0) + result.operations;
      await load.close();
    }
  } catch (error) {
    failures.push(`${name}: ${(error as Error).message}`);
  } finally {
    await load.stop();
  }
}

/** The proxy that is soaked, and a way to look at it. */
async function startSoakedProxy(engine: string, upstreamPort: number) {
  const port = await freePort();
  let waiting = Promise.withResolvers<unknown>();
  const program = join(import.meta.dir, "proxy.ts");
  const child = Bun.spawn([process.execPath, program, engine, String(port), String(upstreamPort)], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (message) => waiting.resolve(message),
    onExit: () => waiting.reject(new Error("the soaked proxy ended")),
  });
  await waiting.promise;
  return {
    port,
    async sample(seconds: number): Promise<Sample> {
      waiting = Promise.withResolvers<unknown>();
      child.send("sample");
      const vitals = (await waiting.promise) as Vitals;
      const rssBytes = memoryOfTree(child.pid).now;
      return { seconds, rssBytes, descriptors: descriptorsOfTree(child.pid), ...vitals };
    },
    async stop(): Promise<void> {
      // Nothing awaits the promise that an exit rejects any more.
      waiting.promise.catch(() => {});
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
