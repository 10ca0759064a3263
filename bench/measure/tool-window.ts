import type { Target } from "../proxies/proxy.ts";
import type { Figures } from "./figures.ts";
import { memoryOfTree, resetPeak, usageBetween, usageOfTree } from "./process-tree.ts";

const MIB = 1024 * 1024;
/** How long a proxy gets to finish with the connections that a tool has left. */
const SETTLE_MS = 30;

/** What a tool did to a proxy, with what the proxy used for it. */
export interface ToolWindow<T> {
  readonly result: T;
  /** Of the whole of it: the tool's connections are opened and closed in it. */
  readonly cpuMicros: number;
  /** `memoryRestMebibytes` and `memoryPeakMebibytes`. */
  readonly memory: Figures;
}

/** Lets a tool run to its end against a proxy, from beside both. */
export async function measureTool<T>(
  { pid }: Pick<Target, "pid">,
  run: () => Promise<T>,
): Promise<ToolWindow<T>> {
  const rest = memoryOfTree(pid).now;
  resetPeak(pid);
  const before = usageOfTree(pid);
  const result = await run();
  await Bun.sleep(SETTLE_MS);
  const { cpuMicros } = usageBetween(before, usageOfTree(pid));
  const { peak } = memoryOfTree(pid);
  return {
    result,
    cpuMicros,
    memory: { memoryRestMebibytes: rest / MIB, memoryPeakMebibytes: peak / MIB },
  };
}
