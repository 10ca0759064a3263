import { Histogram } from "../load/histogram.ts";
import type { LoadResult } from "../load/load.ts";
import type { RemoteLoad } from "../load/remote.ts";
import type { Target } from "../proxies/proxy.ts";
import type { Figures } from "./figures.ts";
import {
  memoryOfTree,
  resetPeak,
  type UsageDelta,
  usageBetween,
  usageOfTree,
} from "./process-tree.ts";

const MIB = 1024 * 1024;

/**
 * How long a proxy has to finish with connections that were opened or closed, before or after a
 * window.
 */
const SETTLE_MS = 30;

/** A window of load on one proxy, with what the proxy used for it. */
export interface MeasuredWindow {
  readonly result: LoadResult;
  readonly usage: UsageDelta;
  /** Resident before anything was connected, and the most while it was. */
  readonly memory: { readonly rest: number; readonly peak: number };
}

/** Connects the load to the proxy, measures one window of it, and disconnects it. */
export async function measureWindow(
  target: Target,
  load: RemoteLoad,
  ms: number,
): Promise<MeasuredWindow> {
  const rest = memoryOfTree(target.pid).now;
  try {
    resetPeak(target.pid);
    await load.connect(target.port);
    await Bun.sleep(SETTLE_MS);
    const before = usageOfTree(target.pid);
    const result = await load.run(ms);
    const usage = usageBetween(before, usageOfTree(target.pid));
    const { peak } = memoryOfTree(target.pid);
    if (result.operations === 0) throw new Error("nothing was done in the whole window");
    return { result, usage, memory: { rest, peak } };
  } finally {
    await load.close();
    await Bun.sleep(SETTLE_MS);
  }
}

/** The figures of operations: how many, how long each took, and what each cost. */
export function operationFigures({ result, usage, memory }: MeasuredWindow): Figures {
  const { operations, seconds } = result;
  return {
    operationsPerSecond: operations / seconds,
    cpuMicros: usage.cpuMicros / operations,
    ...cpuShares(usage.cpuMicros / operations, usage.userShare),
    ...latencyFigures(result),
    switchesVoluntary: usage.switchesVoluntary / operations,
    switchesInvoluntary: usage.switchesInvoluntary / operations,
    memoryRestMebibytes: memory.rest / MIB,
    memoryPeakMebibytes: memory.peak / MIB,
  };
}

function cpuShares(cpuMicros: number, userShare: number | null): Figures {
  if (userShare === null) return {};
  return { cpuUserMicros: cpuMicros * userShare, cpuSystemMicros: cpuMicros * (1 - userShare) };
}

/** The figures of streams: an operation is whatever the load sends in one piece. */
export function streamFigures({ result, usage, memory }: MeasuredWindow): Figures {
  const gigabytes = result.bytes / 1e9;
  return {
    gigabitsPerSecond: (gigabytes * 8) / result.seconds,
    cpuMillisPerGigabyte: usage.cpuMicros / 1e3 / gigabytes,
    memoryRestMebibytes: memory.rest / MIB,
    memoryPeakMebibytes: memory.peak / MIB,
  };
}

/** Percentiles of how long the operations took. */
function latencyFigures({ latency }: LoadResult): Figures {
  const histogram = new Histogram();
  histogram.add(latency);
  const micros = (percent: number) => histogram.percentileMs(percent) * 1e3;
  return {
    latencyP50Micros: micros(50),
    latencyP99Micros: micros(99),
    latencyP999Micros: micros(99.9),
    latencyMaxMicros: histogram.maxMs * 1e3,
  };
}
