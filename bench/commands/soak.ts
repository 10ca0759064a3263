import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { defineCommand } from "citty";
import { formatSeconds, formatValue } from "../report/format.ts";
import { type SoakResult, soak } from "../soak/soak.ts";
import type { Sample, Vital } from "../soak/verdict.ts";
import { positive } from "./choose.ts";

const MIB = 1024 * 1024;
/** How a vital is called, and what it is divided by to be read. */
const vitals: Readonly<Record<Vital, readonly [title: string, unit: string, divisor: number]>> = {
  rssBytes: ["resident memory", "MiB", MIB],
  heapBytes: ["heap", "MiB", MIB],
  descriptors: ["descriptors", "", 1],
  leased: ["leased segments", "", 1],
};

/** `bun run bench soak --minutes N`: does anything grow? */
export const soakBench = defineCommand({
  meta: { name: "bench soak", description: "a mixed load for a long time: does anything grow?" },
  args: {
    minutes: { type: "string", description: "for how long [10]" },
    engine: { type: "string", description: "sockets or uring [sockets]" },
    json: { type: "string", description: "write every sample to this file" },
    charts: { type: "string", description: "write a chart per vital to this directory" },
  },
  async run({ args }) {
    const minutes = positive("--minutes", args.minutes, 10);
    const result = await soak(args.engine ?? "sockets", minutes * 60_000, showSample);
    process.stderr.write("\n");
    if (args.json) await Bun.write(args.json, `${JSON.stringify(result)}\n`);
    if (args.charts) await writeCharts(result, args.charts);
    process.stdout.write(renderSoak(result));
    const isBad = result.failures.length > 0 || result.verdicts.some(({ grows }) => grows);
    if (isBad) process.exitCode = 1;
  },
});

function showSample(sample: Sample): void {
  if (!process.stderr.isTTY) return;
  const { seconds, rssBytes, descriptors, leased, relays } = sample;
  const memory = `${formatValue(rssBytes / MIB)} MiB`;
  const counts = `${relays} relays, ${descriptors} descriptors, ${leased} segments`;
  process.stderr.write(`\r${formatSeconds(seconds)}: ${memory}, ${counts}      `);
}

function renderSoak({ engine, seconds, operations, verdicts, failures }: SoakResult): string {
  const done = Object.entries(operations)
    .map(([name, count]) => `${name} ${count.toLocaleString("en-US")}`)
    .join(", ");
  const lines = verdicts.map(({ vital, early, late, grows }) => {
    const [title, unit, divisor] = vitals[vital];
    const change = `${formatValue(early / divisor)} → ${formatValue(late / divisor)} ${unit}`;
    return `  ${title}: ${change.trim()}${grows ? "  STILL GROWS" : ""}`;
  });
  const isGrowing = verdicts.some(({ grows }) => grows);
  const verdict = isGrowing ? "something still grows" : "nothing grows any more";
  return `${[
    `${engine}, ${formatSeconds(seconds)}: ${verdict} (second quarter → last quarter)`,
    ...lines,
    `  operations, each checked: ${done}`,
    ...failures.map((failure) => `  FAILED: ${failure}`),
  ].join("\n")}\n`;
}

async function writeCharts({ engine, samples }: SoakResult, directory: string): Promise<void> {
  const { renderLines } = await import("../report/chart.ts");
  await mkdir(directory, { recursive: true });
  for (const vital of Object.keys(vitals) as Vital[]) {
    const [title, unit, divisor] = vitals[vital];
    const points = samples.map((sample) => [sample.seconds, sample[vital] / divisor] as const);
    const svg = renderLines({ title: `Soak: ${title}`, unit, series: [{ name: engine, points }] });
    await Bun.write(join(directory, `soak-${title.replaceAll(" ", "-")}.svg`), svg);
  }
}
