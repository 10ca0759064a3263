import { relative } from "node:path";
import type { FigureName } from "../measure/figures.ts";
import type { RunResult } from "../measure/result.ts";
import { type Row, rowsOf } from "../measure/summary.ts";
import { formatValue } from "./format.ts";
import type { Picture } from "./markdown.ts";
import { markdownTable } from "./markdown-table.ts";
import { replaceMarked } from "./marked.ts";

/** The figures that docs/performance.md shows, in words for readers who do not know the suite. */
const lines: readonly (readonly [scenario: string, figure: FigureName, title: string])[] = [
  ["ping-50", "cpuMicros", "CPU per PING, 50 connections, µs"],
  ["get-64k", "cpuMicros", "CPU per GET of 64 KiB, 20 connections, µs"],
  ["churn", "cpuMicros", "CPU per connection with one PING, µs"],
  ["bulk-1", "gigabitsPerSecond", "one bulk stream, Gbit/s"],
  ["bulk-1", "cpuMillisPerGigabyte", "its CPU per GB, ms"],
  ["idle-10000", "connectionKibibytes", "memory per idle connection, KiB"],
  ["start-up", "startupMillis", "start-up, ms"],
  ["start-up", "memoryRestMebibytes", "memory at rest, MiB"],
];
/** The charts that it shows, by their file. */
const CHARTS = ["cpu.svg", "bulk.svg", "latency.svg"];

/**
 * Writes a run's figures and charts into a page, between `<!-- figures -->` and
 * `<!-- end figures -->`.
 *
 * @throws Error when the page has no such place
 */
export async function writeReadme(
  path: string,
  run: RunResult,
  pictures: readonly Picture[],
): Promise<void> {
  const text = replaceMarked(await Bun.file(path).text(), "figures", renderFigures(run, pictures));
  if (text === null) throw new Error(`"${path}" has no place for figures`);
  await Bun.write(path, text);
}

/** The path of a picture from the directory of a page. */
export function pictureFrom(directory: string, { title, path }: Picture): Picture {
  return { title, path: relative(directory, path).replaceAll("\\", "/") };
}

/** The table, how it came about, and the charts. */
export function renderFigures(run: RunResult, pictures: readonly Picture[]): string {
  const names = run.proxies.map(({ name }) => name).filter((name) => name !== "direct");
  const rows = lines.flatMap(([name, figure, title]) => {
    const scenario = run.scenarios.find((one) => one.name === name);
    const row = rowsOf(scenario ?? { rounds: [] }, run.proxies).find(
      (one) => one.figure === figure,
    );
    return row === undefined ? [] : [[title, ...names.map((proxy) => cell(row, proxy))]];
  });
  const shown = CHARTS.flatMap((file) => pictures.filter(({ path }) => path.endsWith(`/${file}`)));
  return [
    caption(run),
    markdownTable(["", ...names], rows),
    ...shown.map(({ title, path }) => `![${title}](${path})`),
  ].join("\n\n");
}

function cell({ spreads, best }: Row, proxy: string): string {
  const spread = spreads.get(proxy);
  if (spread === undefined) return "–";
  const value = formatValue(spread.median);
  return best === proxy ? `**${value}**` : value;
}

function caption({ machine, proxies, ...run }: RunResult): string {
  const day = new Date(run.startedAt).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
  const rounds = `medians of up to ${run.rounds} interleaved rounds of ${run.durationMs} ms`;
  const place = `${machine.cores} × ${machine.cpu}, ${machine.system}, loopback`;
  // What they say about themselves is long; `naive` is as old as the Bun that runs it.
  const versions = proxies
    .filter(({ name }) => name !== "direct" && name !== "naive")
    .map(({ name, version }) => `${name} ${/\d+(\.\d+)+/.exec(version)?.[0] ?? version}`);
  return [
    `One run of ${day}: ${rounds}, one thread per proxy.`,
    `${place}.`,
    `Less is better, but for Gbit/s; **bold** is the best of its row. "naive" is a proxy of 30`,
    "lines on `Bun.listen` without backpressure.",
    `Bun ${machine.bun}, ${versions.join(", ")}.`,
  ].join("\n");
}
