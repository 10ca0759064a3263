import { type FigureName, figureInfos } from "../measure/figures.ts";
import type { RunResult } from "../measure/result.ts";
import { spreadOf } from "../measure/summary.ts";
import { type BarChart, renderBars } from "./chart.ts";

/** A chart's file name and text. */
export interface ChartFile {
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

interface Plan {
  readonly file: string;
  readonly title: string;
  /** Its categories: a figure of a scenario each, and how it is called on the axis. */
  readonly bars: readonly (readonly [scenario: string, figure: FigureName, label: string])[];
  readonly isLogarithmic?: boolean;
  /** As a part of what `direct` reaches, as the scenarios differ too much to share an axis. */
  readonly isOfDirect?: boolean;
}

const REQUESTS = ["ping-1", "ping-50", "ping-500", "set-16k", "get-64k", "churn"];
const perRequest = (figure: FigureName) =>
  REQUESTS.map((name): Plan["bars"][number] => [name, figure, name]);
const percentiles = (name: string): Plan["bars"] => [
  [name, "latencyP50Micros", `${name} p50`],
  [name, "latencyP99Micros", `${name} p99`],
  [name, "latencyP999Micros", `${name} p99.9`],
];

const plans: readonly Plan[] = [
  { file: "cpu.svg", title: "CPU per request (less is better)", bars: perRequest("cpuMicros") },
  {
    file: "operations.svg",
    title: "Requests per second (more is better)",
    bars: perRequest("operationsPerSecond"),
    isOfDirect: true,
  },
  {
    file: "bulk.svg",
    title: "Bulk streams (more is better)",
    bars: [
      ["bulk-1", "gigabitsPerSecond", "1 stream"],
      ["bulk-8", "gigabitsPerSecond", "8 streams"],
    ],
  },
  {
    file: "bulk-cpu.svg",
    title: "CPU per gigabyte of bulk streams (less is better)",
    bars: [
      ["bulk-1", "cpuMillisPerGigabyte", "1 stream"],
      ["bulk-8", "cpuMillisPerGigabyte", "8 streams"],
    ],
  },
  {
    file: "latency.svg",
    title: "Latency at a fixed rate (less is better)",
    bars: [...percentiles("rate-50"), ...percentiles("rate-80")],
    isLogarithmic: true,
  },
  {
    file: "beside.svg",
    title: "Latency of a PING beside others (less is better)",
    bars: [...percentiles("beside-slow"), ...percentiles("beside-bulk")],
    isLogarithmic: true,
  },
  {
    file: "memory.svg",
    title: "Resident memory (less is better)",
    bars: [
      ["start-up", "memoryRestMebibytes", "just started"],
      ["ping-500", "memoryPeakMebibytes", "ping-500"],
      ["bulk-8", "memoryPeakMebibytes", "bulk-8"],
      ["beside-slow", "memoryPeakMebibytes", "slow readers"],
      ["idle-10000", "memoryPeakMebibytes", "idle-10000"],
    ],
  },
];

/** The charts of a run: those for which it has at least one figure. */
export function chartsOf(run: RunResult): ChartFile[] {
  return plans.flatMap((plan) => {
    const chart = chartOf(plan, run);
    if (chart.categories.length === 0) return [];
    return [{ file: plan.file, title: plan.title, svg: renderBars(chart) }];
  });
}

function chartOf({ title, bars, isLogarithmic, isOfDirect }: Plan, run: RunResult): BarChart {
  const value = (proxy: string, [name, figure]: Plan["bars"][number]): number | null => {
    const rounds = run.scenarios.find((scenario) => scenario.name === name)?.rounds ?? [];
    const own = spreadOf(rounds, proxy, figure)?.median ?? null;
    if (own === null || isOfDirect !== true) return own;
    const direct = spreadOf(rounds, "direct", figure)?.median ?? null;
    return direct === null || direct === 0 ? null : (own / direct) * 100;
  };
  const present = bars.filter((bar) => run.proxies.some(({ name }) => value(name, bar) !== null));
  const [, figure] = bars[0] ?? [];
  const unit = figure === undefined ? "" : figureInfos[figure].unit;
  return {
    title,
    unit: isOfDirect === true ? "% of direct" : unit,
    categories: present.map(([, , label]) => label),
    series: run.proxies.map(({ name }) => ({
      name,
      values: present.map((bar) => value(name, bar)),
    })),
    isLogarithmic: isLogarithmic === true,
  };
}
