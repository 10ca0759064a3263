import { RemoteLoad } from "../load/remote.ts";
import { measureWindow, streamFigures } from "../measure/window.ts";
import type { Scenario } from "./scenario.ts";

function bulk(streams: number): Scenario {
  return {
    name: `bulk-${streams}`,
    title: streams === 1 ? "1 bulk stream to the upstream" : `${streams} bulk streams`,
    upstream: "sink",
    shown: ["gigabitsPerSecond", "cpuMillisPerGigabyte", "memoryPeakMebibytes"],
    async open({ durationMs }) {
      const load = new RemoteLoad({ kind: "bulk", streams });
      return {
        measure: async (target) => streamFigures(await measureWindow(target, load, durationMs)),
        close: () => load.stop(),
      };
    },
  };
}

/** As many bytes as go through; every one of them is compared at the upstream. */
export const bulkScenarios: readonly Scenario[] = [bulk(1), bulk(8)];
