import { RemoteLoad } from "../load/remote.ts";
import type { FigureName, Figures } from "../measure/figures.ts";
import { usageBetween, usageOfTree } from "../measure/process-tree.ts";
import { measureTool } from "../measure/tool-window.ts";
import { measureWindow, operationFigures } from "../measure/window.ts";
import type { Target } from "../proxies/proxy.ts";
import { missingRedisBenchmark, redisBenchmark } from "../tools/redis-benchmark.ts";
import { valkeyVersion } from "../upstreams/upstream.ts";
import { PacedCount } from "./paced-count.ts";
import { peakOf } from "./rate.ts";
import { type OpenScenario, pick, type Scenario, type Setting } from "./scenario.ts";

/** What they all have in common: commands of many clients, over few connections or directly. */
const COMMON = { upstream: "valkey", isMultiplexed: true, isOnRequest: true } as const;

/**
 * The same figures, with ratios to those of `direct` in the same round, which comes first in each: a
 * machine that is slower for a while is so for both.
 */
class ToDirect {
  private direct: Figures = {};

  add(target: Target, figures: Figures): Figures {
    if (target.adapter.name === "direct") this.direct = figures;
    return {
      ...figures,
      ...this.ratio(figures, "operationsPerSecond", "operationsToDirect"),
      ...this.ratio(figures, "serverCpuMicros", "serverCpuToDirect"),
      ...this.ratio(figures, "latencyP50Micros", "latencyP50ToDirect"),
      ...this.ratio(figures, "latencyP99Micros", "latencyP99ToDirect"),
    };
  }

  private ratio(figures: Figures, of: FigureName, name: FigureName): Figures {
    const [own, direct] = [figures[of], this.direct[of]];
    return own === undefined || direct === undefined ? {} : { [name]: own / direct };
  }
}

interface Sets {
  readonly name: string;
  readonly title: string;
  readonly connections: { readonly smoke: number; readonly full: number };
  readonly pipeline: number;
}

/** SETs of redis-benchmark, and what each costs the server behind the proxy. */
function sets({ name, title, connections, pipeline }: Sets): Scenario {
  return {
    ...COMMON,
    name,
    title,
    missing: missingRedisBenchmark,
    shown: [
      ...["operationsPerSecond", "operationsToDirect", "cpuMicros"],
      ...["serverCpuMicros", "serverCpuToDirect", "latencyP50Micros", "latencyP99Micros"],
    ] as FigureName[],
    async open({ form, durationMs, upstreamPid }): Promise<OpenScenario> {
      const count = new PacedCount(pick(form, { smoke: 2_000, full: 50_000 }), durationMs);
      const toDirect = new ToDirect();
      return {
        note: await valkeyVersion(),
        async measure(target) {
          const requests = count.of(target.adapter.name);
          const load = { test: "set", connections: pick(form, connections), requests } as const;
          const before = usageOfTree(upstreamPid);
          const { result, cpuMicros, memory } = await measureTool(target, () =>
            redisBenchmark(target.port, { ...load, pipeline }),
          );
          const server = usageBetween(before, usageOfTree(upstreamPid));
          count.reached(target.adapter.name, result.requestsPerSecond);
          return toDirect.add(target, {
            operationsPerSecond: result.requestsPerSecond,
            // Both with what opening and closing the connections cost, as clients cause that, too.
            cpuMicros: cpuMicros / requests,
            serverCpuMicros: server.cpuMicros / requests,
            latencyP50Micros: result.latencyP50Micros,
            latencyP99Micros: result.latencyP99Micros,
            ...memory,
          });
        },
        close: async () => {},
      };
    },
  };
}

/** One client alone, who gains nothing by others. redis-benchmark's p50 is too coarse for it. */
const alone: Scenario = {
  ...COMMON,
  name: "valkey-set-1",
  title: "SET of 32 B, 1 connection",
  shown: ["latencyP50Micros", "latencyP50ToDirect", "operationsPerSecond", "cpuMicros"],
  isOnOneCore: true,
  async open({ durationMs }) {
    const load = new RemoteLoad({
      ...{ kind: "requests", connections: 1, request: "set", valueBytes: 32, pipeline: 1 },
    });
    return openLoad(load, durationMs, await valkeyVersion());
  },
};

/** Latency at a rate that the server alone carries easily. */
const halfOfPeak: Scenario = {
  ...COMMON,
  name: "valkey-rate-500",
  title: "PING at 50 % of direct's peak, open loop",
  shown: ["latencyP50Micros", "latencyP99Micros", "latencyP99ToDirect", "latencyP999Micros"],
  async open(setting: Setting) {
    const connections = pick(setting.form, { smoke: 10, full: 500 });
    const { targets } = setting;
    const direct = targets.filter(({ adapter }) => adapter.name === "direct");
    const peak = await peakOf(direct.length > 0 ? direct : targets, setting, connections);
    const perSecond = Math.max(1, Math.floor(peak / 2));
    const load = new RemoteLoad({ kind: "open-loop", connections, perSecond });
    const rate = `${perSecond.toLocaleString("en-US")} op/s on ${connections} connections`;
    return openLoad(load, setting.durationMs, `${rate}; ${await valkeyVersion()}`);
  },
};

function openLoad(load: RemoteLoad, durationMs: number, note: string): OpenScenario {
  const toDirect = new ToDirect();
  return {
    note,
    measure: async (target) =>
      toDirect.add(target, operationFigures(await measureWindow(target, load, durationMs))),
    close: () => load.stop(),
  };
}

/** What a proxy makes of commands that it may send on together. */
export const valkeyScenarios: readonly Scenario[] = [
  alone,
  sets({
    name: "valkey-set-50",
    title: "redis-benchmark -t set -c 50",
    connections: { smoke: 10, full: 50 },
    pipeline: 1,
  }),
  sets({
    name: "valkey-set-500",
    title: "redis-benchmark -t set -c 500",
    connections: { smoke: 50, full: 500 },
    pipeline: 1,
  }),
  sets({
    name: "valkey-pipeline-16",
    title: "redis-benchmark -t set -c 50 -P 16",
    connections: { smoke: 5, full: 50 },
    pipeline: 16,
  }),
  halfOfPeak,
];
