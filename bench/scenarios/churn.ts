import { RemoteLoad } from "../load/remote.ts";
import { measureWindow, operationFigures } from "../measure/window.ts";
import { pick, type Scenario } from "./scenario.ts";

/** Short connections, as from a client without a pool. */
export const churn: Scenario = {
  name: "churn",
  title: "connect, one PING, close; 16 at a time",
  upstream: "redis",
  shown: ["operationsPerSecond", "cpuMicros", "latencyP99Micros"],
  async open({ form, durationMs }) {
    const load = new RemoteLoad({ kind: "churn", concurrency: pick(form, { smoke: 4, full: 16 }) });
    return {
      measure: async (target) => operationFigures(await measureWindow(target, load, durationMs)),
      close: () => load.stop(),
    };
  },
};
