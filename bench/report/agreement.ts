import { type FigureName, figureInfos } from "../measure/figures.ts";
import type { RunResult } from "../measure/result.ts";
import { median, spreadOf } from "../measure/summary.ts";

/** The same thing measured twice: by the suite and by a tool that people know. */
interface Pair {
  /** The figure, and which tool measured it, for the tables. */
  readonly title: string;
  readonly suite: readonly [scenario: string, figure: FigureName];
  readonly tool: readonly [scenario: string, figure: FigureName];
}

const pairs: readonly Pair[] = [
  {
    title: "Requests per second: ping-50 and redis-benchmark",
    suite: ["ping-50", "operationsPerSecond"],
    tool: ["tool-redis-benchmark", "operationsPerSecond"],
  },
  {
    title: "CPU per request: ping-50 and redis-benchmark",
    suite: ["ping-50", "cpuMicros"],
    tool: ["tool-redis-benchmark", "cpuMicros"],
  },
  {
    title: "One bulk stream: bulk-1 and iperf3",
    suite: ["bulk-1", "gigabitsPerSecond"],
    tool: ["tool-iperf3", "gigabitsPerSecond"],
  },
  {
    title: "CPU per GB: bulk-1 and iperf3",
    suite: ["bulk-1", "cpuMillisPerGigabyte"],
    tool: ["tool-iperf3", "cpuMillisPerGigabyte"],
  },
  {
    title: "CPU of a proxy's whole life: the suite's count and that of /usr/bin/time -v",
    suite: ["tool-time", "cpuTreeMillis"],
    tool: ["tool-time", "cpuTimeMillis"],
  },
];

/** One figure as the suite and as a tool found it. */
export interface Agreement {
  readonly title: string;
  readonly unit: string;
  /** The proxy that the others are set beside: HAProxy, or the first that is no `direct`. */
  readonly reference: string;
  readonly lines: readonly AgreementLine[];
}

/** One proxy of it; medians of the rounds. */
export interface AgreementLine {
  readonly proxy: string;
  readonly suite: number;
  readonly tool: number;
  /** The proxy's value as a multiple of the reference's, by each of them. */
  readonly suiteToReference: number;
  readonly toolToReference: number;
}

/** Every figure of a run that a tool has measured too; none when no tool took part. */
export function agreementsOf(run: RunResult): Agreement[] {
  return pairs.flatMap(({ title, suite, tool }) => {
    const values = run.proxies.flatMap(({ name: proxy }) => {
      const [own, other] = [medianOf(run, suite, proxy), medianOf(run, tool, proxy)];
      // Of nothing there is no ratio.
      return own > 0 && other > 0 ? [{ proxy, suite: own, tool: other }] : [];
    });
    const reference =
      values.find(({ proxy }) => proxy === "haproxy") ??
      values.find(({ proxy }) => proxy !== "direct");
    if (reference === undefined) return [];
    const lines = values.map((value) => ({
      ...value,
      suiteToReference: value.suite / reference.suite,
      toolToReference: value.tool / reference.tool,
    }));
    return [{ title, unit: figureInfos[suite[1]].unit, reference: reference.proxy, lines }];
  });
}

/**
 * How far suite and tool are apart about how two proxies compare, in percent: half of the proxies,
 * and the worst of them. `direct` and the reference itself take no part. Null without any other.
 */
export function apartOf({ reference, lines }: Agreement): { half: number; most: number } | null {
  const apart = lines
    .filter(({ proxy }) => proxy !== "direct" && proxy !== reference)
    .map((line) => percentApart(line.suiteToReference, line.toolToReference));
  return apart.length === 0 ? null : { half: median(apart), most: Math.max(...apart) };
}

/** How much the greater one is above the other, in percent. Both above 0. */
export function percentApart(a: number, b: number): number {
  return (Math.max(a, b) / Math.min(a, b) - 1) * 100;
}

function medianOf(run: RunResult, [name, figure]: Pair["suite"], proxy: string): number {
  const scenario = run.scenarios.find((one) => one.name === name);
  return spreadOf(scenario?.rounds ?? [], proxy, figure)?.median ?? 0;
}
