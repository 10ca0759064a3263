import { execute } from "../load/execute.ts";
import type { LoadSpec } from "../load/load.ts";
import { RemoteLoad } from "../load/remote.ts";
import type { Figures } from "../measure/figures.ts";
import { measureWindow, operationFigures } from "../measure/window.ts";
import type { Target } from "../proxies/proxy.ts";
import { pick, type Scenario } from "./scenario.ts";

/** Size of the values that the others get. */
const VALUE_BYTES = 256 * 1024;
/** The others begin first, so that the proxy is in the thick of it when the chatty ones come. */
const LEAD_MS = 300;

interface Crowd {
  readonly name: string;
  readonly title: string;
  readonly others: (isSmoke: boolean) => LoadSpec;
}

function crowd({ name, title, others }: Crowd): Scenario {
  return {
    name,
    title,
    upstream: "redis",
    shown: ["operationsPerSecond", "latencyP50Micros", "latencyP99Micros", "memoryPeakMebibytes"],
    async open({ form, durationMs, upstreamPort }) {
      await execute(upstreamPort, "set", VALUE_BYTES);
      const chatty = new RemoteLoad({
        kind: "requests",
        connections: pick(form, { smoke: 4, full: 10 }),
        request: "ping",
        valueBytes: 0,
        pipeline: 1,
      });
      const background = new RemoteLoad(others(form === "smoke"));
      return {
        measure: (target) => measureBeside(target, chatty, background, durationMs),
        close: async () => {
          await Promise.all([chatty.stop(), background.stop()]);
        },
      };
    },
  };
}

async function measureBeside(
  target: Target,
  chatty: RemoteLoad,
  background: RemoteLoad,
  ms: number,
): Promise<Figures> {
  try {
    await background.connect(target.port);
    const running = background.run(LEAD_MS + ms);
    // Its failure is looked at below; until then it must not count as unhandled.
    running.catch(() => {});
    await Bun.sleep(LEAD_MS);
    const measured = await measureWindow(target, chatty, ms);
    const { bytes, seconds } = await running;
    if (bytes === 0) throw new Error("the others did nothing");
    // The proxy's CPU went to all of them, so that it says nothing about a PING.
    const {
      cpuMicros: _,
      cpuUserMicros: _u,
      cpuSystemMicros: _s,
      ...figures
    } = operationFigures(measured);
    return { ...figures, gigabitsPerSecond: (bytes * 8) / 1e9 / seconds };
  } finally {
    await background.close();
  }
}

/** Chatty clients, and what happens to them beside others. */
export const crowdScenarios: readonly Scenario[] = [
  crowd({
    name: "beside-slow",
    title: "PING, 10 connections, beside 8 slow readers",
    others: (isSmoke) => ({
      kind: "slow",
      connections: isSmoke ? 2 : 8,
      valueBytes: VALUE_BYTES,
      // Far more than the kernel's buffers hold on the way, which is some 10 MiB per reader.
      pipeline: isSmoke ? 64 : 128,
    }),
  }),
  crowd({
    name: "beside-bulk",
    title: "PING, 10 connections, beside 4 bulk readers",
    others: () => ({
      kind: "requests",
      connections: 4,
      request: "get",
      valueBytes: VALUE_BYTES,
      pipeline: 4,
    }),
  }),
];
