import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Figures } from "../measure/figures.ts";
import { memoryOfTree, processTree, usageOfTree } from "../measure/process-tree.ts";
import { launch } from "../measure/runner.ts";
import type { ProxyAdapter } from "../proxies/proxy.ts";
import { missingGnuTime, parseGnuTime, underGnuTime } from "../tools/gnu-time.ts";
import { missingRedisBenchmark, redisBenchmark } from "../tools/redis-benchmark.ts";
import { pick, type Scenario } from "./scenario.ts";

const MIB = 1024 * 1024;
/** How long a proxy gets to finish with the connections that were closed. */
const SETTLE_MS = 30;

/** Checks the suite's count of a process's CPU against an independent one. */
export const toolTime: Scenario = {
  name: "tool-time",
  title: "a fresh proxy under /usr/bin/time -v, redis-benchmark, SIGTERM",
  upstream: "redis",
  missing: () => missingGnuTime() ?? missingRedisBenchmark(),
  shown: ["cpuTreeMillis", "cpuTimeMillis"],
  roundsMax: 1,
  isFresh: true,
  async open({ form, upstreamPort }) {
    const requests = pick(form, { smoke: 2_000, full: 50_000 });
    return {
      note: `${requests.toLocaleString("en-US")} requests, from the start to the end of each`,
      async measure({ adapter }) {
        if (adapter.name === "direct") return {};
        const directory = await mkdtemp(join(tmpdir(), "ringway-bench-time-"));
        try {
          return await measureLife(adapter, upstreamPort, requests, join(directory, "time.txt"));
        } finally {
          await rm(directory, { recursive: true, force: true });
        }
      },
      close: async () => {},
    };
  },
};

async function measureLife(
  adapter: ProxyAdapter,
  upstreamPort: number,
  requests: number,
  file: string,
): Promise<Figures> {
  const { child, port, stop } = await launch(adapter, upstreamPort, {
    under: underGnuTime(file),
  });
  try {
    const [, proxy] = processTree(child.pid);
    if (proxy === undefined) throw new Error("there is no proxy below time");
    await redisBenchmark(port, { test: "ping_mbulk", connections: 10, requests });
    await Bun.sleep(SETTLE_MS);
    const memory = memoryOfTree(proxy);
    const { cpuMicros } = usageOfTree(proxy);
    // Not to `time`, which would end without a word, and before what it runs.
    process.kill(proxy, "SIGTERM");
    await child.exited;
    return {
      cpuTreeMillis: cpuMicros / 1e3,
      cpuTimeMillis: parseGnuTime(await Bun.file(file).text()),
      memoryRestMebibytes: memory.now / MIB,
      memoryPeakMebibytes: memory.peak / MIB,
    };
  } finally {
    await stop();
  }
}
