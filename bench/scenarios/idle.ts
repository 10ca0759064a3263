import { RemoteLoad } from "../load/remote.ts";
import type { Figures } from "../measure/figures.ts";
import { relayLimit } from "../measure/limits.ts";
import { memoryOfTree, usageBetween, usageOfTree } from "../measure/process-tree.ts";
import { launch } from "../measure/runner.ts";
import type { Target } from "../proxies/proxy.ts";
import { pick, type Scenario, type Setting } from "./scenario.ts";

const KIB = 1024;
/** How long a proxy gets to finish with starting, or with many new connections. */
const SETTLE_MS = 400;
/** How long each proxy serves short relays before its memory at rest is measured. */
const WARM_UP_MS = { smoke: 50, full: 400 } as const;

function idle(wanted: number): Scenario {
  return {
    name: `idle-${wanted}`,
    title: `${wanted.toLocaleString("en-US")} idle connections`,
    upstream: "redis",
    shown: ["connectionKibibytes", "cpuIdlePercent", "connectsPerSecond", "memoryPeakMebibytes"],
    roundsMax: 3,
    isFresh: true,
    async open(setting) {
      const { form } = setting;
      const connections = Math.min(relayLimit(), pick(form, { smoke: wanted / 20, full: wanted }));
      const loads = {
        idle: new RemoteLoad({ kind: "idle", connections }),
        short: new RemoteLoad({ kind: "churn", concurrency: 16 }),
      };
      const fewer = `${connections.toLocaleString("en-US")} of them: the limit of descriptors`;
      return {
        ...(form === "full" && connections < wanted ? { note: fewer } : {}),
        measure: (target) => measureFresh(setting, loads, target, connections),
        close: async () => {
          await Promise.all([loads.idle.stop(), loads.short.stop()]);
        },
      };
    },
  };
}

interface Loads {
  readonly idle: RemoteLoad;
  readonly short: RemoteLoad;
}

/**
 * A proxy of its own for each round: otherwise it could silently reuse memory of an earlier one.
 */
async function measureFresh(setting: Setting, loads: Loads, target: Target, count: number) {
  const { adapter, port, pid } = target;
  if (adapter.name === "direct") return await measureIdle({ port, pid }, loads, count, setting);
  const { child, port: freshPort, stop } = await launch(adapter, setting.upstreamPort);
  try {
    return await measureIdle({ port: freshPort, pid: child.pid }, loads, count, setting);
  } finally {
    await stop();
  }
}

/**
 * Code and tables that a process has touched once are not what a connection costs. So each has
 * served some before, a few at a time, as any that is in use has.
 */
async function measureIdle(
  { port, pid }: Pick<Target, "port" | "pid">,
  { idle: load, short }: Loads,
  connections: number,
  { durationMs, form }: Setting,
): Promise<Figures> {
  await short.connect(port);
  await short.run(WARM_UP_MS[form]);
  await short.close();
  await Bun.sleep(SETTLE_MS + durationMs);
  const rest = memoryOfTree(pid).now;
  const connecting = usageOfTree(pid);
  const startedAt = performance.now();
  try {
    await load.connect(port);
    const seconds = (performance.now() - startedAt) / 1e3;
    await Bun.sleep(SETTLE_MS);
    const before = usageOfTree(pid);
    await Bun.sleep(durationMs);
    const idle = usageBetween(before, usageOfTree(pid));
    const held = memoryOfTree(pid);
    // Not one of them may have been lost meanwhile, and each must still carry a PING.
    const { operations } = await load.run(1);
    if (operations !== connections) throw new Error(`${operations} of ${connections} answered`);
    return {
      connectsPerSecond: connections / seconds,
      cpuMicros: usageBetween(connecting, before).cpuMicros / connections,
      cpuIdlePercent: idle.cpuMicros / (durationMs * 10),
      connectionKibibytes: Math.max(0, held.now - rest) / KIB / connections,
      memoryRestMebibytes: rest / KIB / KIB,
      memoryPeakMebibytes: held.peak / KIB / KIB,
    };
  } finally {
    await load.close();
  }
}

/** Many connections that say nothing. */
export const idleScenarios: readonly Scenario[] = [idle(2_000), idle(10_000)];
