import { statSync } from "node:fs";
import { memoryOfTree } from "../measure/process-tree.ts";
import { launch } from "../measure/runner.ts";
import { pick, type Scenario } from "./scenario.ts";

const MIB = 1024 * 1024;

/** From the start to the first accepted connection, and the memory in use then. */
export const startup: Scenario = {
  name: "start-up",
  title: "start, accept the first connection",
  upstream: "redis",
  shown: ["startupMillis", "memoryRestMebibytes", "executableMebibytes"],
  isFresh: true,
  async open({ form, upstreamPort }) {
    const settleMs = pick(form, { smoke: 20, full: 200 });
    return {
      async measure({ adapter }) {
        if (adapter.name === "direct") return {};
        const { child, startupMs, stop } = await launch(adapter, upstreamPort);
        try {
          await Bun.sleep(settleMs);
          const sizes = adapter.executables().map((file) => statSync(file).size);
          return {
            startupMillis: startupMs,
            memoryRestMebibytes: memoryOfTree(child.pid).now / MIB,
            executableMebibytes: sizes.reduce((sum, size) => sum + size, 0) / MIB,
          };
        } finally {
          await stop();
        }
      },
      close: async () => {},
    };
  },
};
