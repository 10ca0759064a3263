import { RemoteLoad } from "../load/remote.ts";
import type { Figures } from "../measure/figures.ts";
import { measureWindow, operationFigures } from "../measure/window.ts";
import type { Target } from "../proxies/proxy.ts";
import { pick, type Scenario, type Setting } from "./scenario.ts";

/** Windows that look for a proxy's peak; the best of them counts. */
const PROBES = 2;

function rate(percent: number): Scenario {
  return {
    name: `rate-${percent}`,
    title: `PING at ${percent} % of the slowest proxy's peak, open loop`,
    upstream: "redis",
    shown: [
      "latencyP50Micros",
      "latencyP99Micros",
      "latencyP999Micros",
      "latencyMaxMicros",
      "cpuMicros",
    ],
    async open(setting) {
      const { form, durationMs } = setting;
      const connections = pick(form, { smoke: 10, full: 50 });
      const peak = await slowestPeak(setting, connections);
      const perSecond = Math.max(1, Math.floor((peak * percent) / 100));
      const load = new RemoteLoad({ kind: "open-loop", connections, perSecond });
      return {
        note: `${perSecond.toLocaleString("en-US")} op/s on ${connections} connections`,
        measure: async (target): Promise<Figures> => {
          const { operationsPerSecond = 0, ...figures } = operationFigures(
            await measureWindow(target, load, durationMs),
          );
          // The rate was given; the reached one says only whether the proxy could keep up.
          return { ...figures, operationsPerSecond };
        },
        close: () => load.stop(),
      };
    },
  };
}

/** Requests per second of the slowest proxy in a closed loop; `direct` is none. */
async function slowestPeak(setting: Setting, connections: number): Promise<number> {
  const others = setting.targets.filter(({ adapter }) => adapter.name !== "direct");
  return await peakOf(others.length > 0 ? others : setting.targets, setting, connections);
}

/** Requests per second of the slowest of these targets in a closed loop. */
export async function peakOf(
  targets: readonly Target[],
  { durationMs }: Pick<Setting, "durationMs">,
  connections: number,
): Promise<number> {
  const load = new RemoteLoad({
    kind: "requests",
    connections,
    request: "ping",
    valueBytes: 0,
    pipeline: 1,
  });
  try {
    const peaks: number[] = [];
    for (const target of targets) {
      const probes: number[] = [];
      for (let probe = 0; probe < PROBES; probe++) {
        const { operations, seconds } = (await measureWindow(target, load, durationMs)).result;
        probes.push(operations / seconds);
      }
      peaks.push(Math.max(...probes));
    }
    return Math.min(...peaks);
  } finally {
    await load.stop();
  }
}

/** Latency at rates that all of them can carry. */
export const rateScenarios: readonly Scenario[] = [rate(50), rate(80)];
