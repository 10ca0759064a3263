/** The name of a figure, and whether more or less is better. */
export interface FigureInfo {
  readonly title: string;
  readonly unit: string;
  readonly better: "more" | "less";
}

/** Every figure that a scenario may give. All are finite; "per op" is per checked operation. */
export const figureInfos = {
  operationsPerSecond: { title: "operations", unit: "op/s", better: "more" },
  operationsToDirect: { title: "· to direct", unit: "×", better: "more" },
  gigabitsPerSecond: { title: "throughput", unit: "Gbit/s", better: "more" },
  cpuMicros: { title: "CPU per op", unit: "µs", better: "less" },
  cpuUserMicros: { title: "· user", unit: "µs", better: "less" },
  cpuSystemMicros: { title: "· system", unit: "µs", better: "less" },
  serverCpuMicros: { title: "server's CPU per op", unit: "µs", better: "less" },
  serverCpuToDirect: { title: "· to direct", unit: "×", better: "less" },
  cpuMillisPerGigabyte: { title: "CPU per GB", unit: "ms", better: "less" },
  cpuTreeMillis: { title: "CPU, as the suite counts", unit: "ms", better: "less" },
  cpuTimeMillis: { title: "CPU, as time(1) counts", unit: "ms", better: "less" },
  cpuIdlePercent: { title: "CPU while idle", unit: "%", better: "less" },
  latencyP50Micros: { title: "latency p50", unit: "µs", better: "less" },
  latencyP50ToDirect: { title: "· to direct", unit: "×", better: "less" },
  latencyP99Micros: { title: "latency p99", unit: "µs", better: "less" },
  latencyP99ToDirect: { title: "· to direct", unit: "×", better: "less" },
  latencyP999Micros: { title: "latency p99.9", unit: "µs", better: "less" },
  latencyMaxMicros: { title: "latency max", unit: "µs", better: "less" },
  switchesVoluntary: { title: "switches per op", unit: "", better: "less" },
  switchesInvoluntary: { title: "· involuntary", unit: "", better: "less" },
  memoryRestMebibytes: { title: "memory at rest", unit: "MiB", better: "less" },
  memoryPeakMebibytes: { title: "memory at peak", unit: "MiB", better: "less" },
  connectionKibibytes: { title: "memory per connection", unit: "KiB", better: "less" },
  connectsPerSecond: { title: "connects", unit: "1/s", better: "more" },
  startupMillis: { title: "start-up", unit: "ms", better: "less" },
  executableMebibytes: { title: "executable", unit: "MiB", better: "less" },
} as const satisfies Record<string, FigureInfo>;

/** The name of a figure. */
export type FigureName = keyof typeof figureInfos;

/** What one round of one proxy measured; a figure that means nothing there is left out. */
export type Figures = Partial<Record<FigureName, number>>;

/** All names, in the order of the tables. */
export const figureNames = Object.keys(figureInfos) as FigureName[];
