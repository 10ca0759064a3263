import { waitForListener } from "../measure/listening.ts";
import { measureTool } from "../measure/tool-window.ts";
import { iperf3, missingIperf3 } from "../tools/iperf3.ts";
import { PacedCount } from "./paced-count.ts";
import { pick, type Scenario } from "./scenario.ts";

const MIB = 1024 * 1024;
/** How long the server gets to be done with the connections that asked whether it accepts. */
const SETTLE_MS = 300;

/** The same as `bulk-1`, by the tool that people know. */
export const toolIperf3: Scenario = {
  name: "tool-iperf3",
  title: "iperf3, 1 stream to the upstream",
  upstream: "iperf3",
  missing: missingIperf3,
  shown: ["gigabitsPerSecond", "cpuMillisPerGigabyte", "memoryPeakMebibytes"],
  async open({ form, durationMs, upstreamPort }) {
    await Bun.sleep(SETTLE_MS);
    const count = new PacedCount(pick(form, { smoke: 32 * MIB, full: 512 * MIB }), durationMs);
    return {
      async measure(target) {
        // It closes its socket after each test and opens another one; `naive` ends when it is
        // refused.
        await waitForListener(upstreamPort);
        const { name } = target.adapter;
        const { result, cpuMicros, memory } = await measureTool(target, () =>
          iperf3(target.port, count.of(name)),
        );
        count.reached(name, (result.gigabitsPerSecond * 1e9) / 8);
        return {
          gigabitsPerSecond: result.gigabitsPerSecond,
          cpuMillisPerGigabyte: cpuMicros / 1e3 / (result.receivedBytes / 1e9),
          ...memory,
        };
      },
      close: async () => {},
    };
  },
};
