import { measureTool } from "../measure/tool-window.ts";
import { missingRedisBenchmark, redisBenchmark } from "../tools/redis-benchmark.ts";
import { PacedCount } from "./paced-count.ts";
import { pick, type Scenario } from "./scenario.ts";

/** The same as `ping-50`, by the tool that people know. */
export const toolRedisBenchmark: Scenario = {
  name: "tool-redis-benchmark",
  title: "redis-benchmark -t ping_mbulk -c 50",
  upstream: "redis",
  missing: missingRedisBenchmark,
  shown: ["operationsPerSecond", "cpuMicros", "latencyP99Micros"],
  async open({ form, durationMs }) {
    const connections = pick(form, { smoke: 10, full: 50 });
    const count = new PacedCount(pick(form, { smoke: 1_000, full: 20_000 }), durationMs);
    return {
      async measure(target) {
        const { name } = target.adapter;
        const requests = count.of(name);
        const { result, cpuMicros, memory } = await measureTool(target, () =>
          redisBenchmark(target.port, { test: "ping_mbulk", connections, requests }),
        );
        count.reached(name, result.requestsPerSecond);
        return {
          operationsPerSecond: result.requestsPerSecond,
          // With what opening and closing the connections cost, which is little beside the rest.
          cpuMicros: cpuMicros / requests,
          latencyP50Micros: result.latencyP50Micros,
          latencyP99Micros: result.latencyP99Micros,
          ...memory,
        };
      },
      close: async () => {},
    };
  },
};
