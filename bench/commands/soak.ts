import { defineCommand } from "citty";
import { formatSeconds, formatValue } from "../report/format.ts";
import { type SoakResult, soak } from "../soak/soak.ts";
import type { Sample } from "../soak/verdict.ts";
import { vitals } from "../soak/vitals.ts";
import { writeSoakCharts, writeSoakReport } from "../soak/write.ts";
import { positive } from "./choose.ts";

const MIB = 1024 * 1024;

/** `bun run bench soak --minutes N`: does anything grow? */
export const soakBench = defineCommand({
  meta: { name: "bench soak", description: "a mixed load for a long time: does anything grow?" },
  args: {
    minutes: { type: "string", description: "for how long [10]" },
    engine: { type: "string", description: "sockets or uring [sockets]" },
    json: { type: "string", description: "write every sample to this file" },
    report: { type: "string", description: "write SOAK.md and its charts to this directory" },
    charts: { type: "string", description: "write a chart per vital to this directory" },
  },
  async run({ args }) {
    const minutes = positive("--minutes", args.minutes, 10);
    const result = await soak(args.engine ?? "sockets", minutes * 60_000, showSample);
    process.stderr.write("\n");
    if (args.json) await Bun.write(args.json, `${JSON.stringify(result)}\n`);
    if (args.report) await writeSoakReport(result, args.report);
    if (args.charts) await writeSoakCharts(result, args.charts);
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
