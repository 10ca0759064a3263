import { styleText } from "node:util";
import type { ProxyResult, RunResult, ScenarioResult } from "../measure/result.ts";
import { type Row, rowsOf, timesBetter } from "../measure/summary.ts";
import { agreementText } from "./agreement-text.ts";
import { figureHeading, formatTimes, formatValue } from "./format.ts";

/** How a cell is printed; the terminal's colours, or nothing for a file. */
type Paint = (kind: "best" | "good" | "bad" | "dim" | "title", text: string) => string;

/** How a table is made. */
export interface TableOptions {
  /** With every figure instead of the most important ones. */
  readonly all: boolean;
  readonly color: boolean;
}

/** The run as tables of text: one per scenario, a row per figure, a column per proxy. */
export function renderTables(run: RunResult, { all, color }: TableOptions): string {
  const paint = color ? paintForTerminal : (_: string, text: string) => text;
  const blocks = run.scenarios.map((scenario) => renderScenario(run, scenario, all, paint));
  const missing = run.missing.map(({ name, why }) => `${name} is left out: ${why}`);
  const legend = "* best in its row (direct takes no part)  ·  medians; ± is half of max − min";
  const agreement = agreementText(run);
  const check = agreement === null ? [] : [agreement];
  return [...blocks, paint("dim", legend), ...check, ...missing].join("\n\n").concat("\n");
}

function renderScenario(
  run: RunResult,
  scenario: ScenarioResult,
  all: boolean,
  paint: Paint,
): string {
  const proxies = whoTookPart(run, scenario);
  const rows = rowsOf(scenario, proxies).filter(
    ({ figure }) => all || scenario.shown.includes(figure),
  );
  const hasPeers = proxies.some(({ name, isOurs }) => !isOurs && name !== "direct");
  const ours = hasPeers ? proxies.filter(({ isOurs }) => isOurs).map(({ name }) => name) : [];
  const head: Cell[] = [
    plain(""),
    ...proxies.map(({ name }) => plain(name)),
    ...ours.map((name) => plain(ours.length === 1 ? "to best peer" : `${name} to best peer`)),
  ];
  const body = rows.map((row): Cell[] => [
    plain(figureHeading(row.figure)),
    ...proxies.map(({ name }) => valueCell(row, name)),
    ...ours.map((name) => ratioCell(row, name)),
  ]);
  const note = scenario.note === null ? "" : ` (${scenario.note})`;
  const failures = failureLines(scenario).map((line) => paint("bad", line));
  const title = paint("title", `${scenario.name}: ${scenario.title}${note}`);
  return [title, ...align([head, ...body], paint), ...failures].join("\n");
}

/** The proxies that the scenario was about. */
export function whoTookPart(run: RunResult, { rounds }: ScenarioResult): ProxyResult[] {
  const names = new Set(rounds.map(({ proxy }) => proxy));
  return run.proxies.filter(({ name }) => names.has(name));
}

/** What went wrong in the rounds of a scenario, one line per proxy. */
export function failureLines(scenario: ScenarioResult): string[] {
  const failed = scenario.rounds.filter(({ failure }) => failure !== null);
  const byProxy = Map.groupBy(failed, ({ proxy }) => proxy);
  return [...byProxy].map(([proxy, rounds]) => {
    return `  ${proxy} failed in ${rounds.length} rounds, first: ${rounds[0]?.failure}`;
  });
}

interface Cell {
  readonly text: string;
  readonly kind: Parameters<Paint>[0] | null;
}

function plain(text: string): Cell {
  return { text, kind: null };
}

function valueCell(row: Row, proxy: string): Cell {
  const spread = row.spreads.get(proxy);
  if (spread === undefined) return { text: "–", kind: "dim" };
  const { median, min, max } = spread;
  const noise = median === 0 ? 0 : ((max - min) / 2 / median) * 100;
  const text = `${formatValue(median)} ±${noise.toFixed(0)}%`;
  if (row.best === proxy) return { text: `*${text}`, kind: "best" };
  return { text, kind: proxy === "direct" ? "dim" : null };
}

function ratioCell(row: Row, proxy: string): Cell {
  const times = timesBetter(row, proxy);
  if (times === null) return plain("–");
  const text = `${formatTimes(times)} (${row.bestPeer})`;
  if (times > 1.005) return { text, kind: "good" };
  return { text, kind: times < 0.995 ? "bad" : null };
}

/** Columns of equal width; colours are added last, as they have no width. */
function align(rows: readonly (readonly Cell[])[], paint: Paint): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, { text }] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, text.length);
    }
  }
  return rows.map((row) => {
    const cells = row.map(({ text, kind }, column) => {
      const width = widths[column] ?? 0;
      const padded = column === 0 ? text.padEnd(width) : text.padStart(width);
      return kind === null ? padded : paint(kind, padded);
    });
    return `  ${cells.join("  ")}`.trimEnd();
  });
}

function paintForTerminal(kind: Parameters<Paint>[0], text: string): string {
  const styles = {
    best: "bold",
    good: "green",
    bad: "red",
    dim: "dim",
    title: "underline",
  } as const;
  return styleText(styles[kind], text, { validateStream: false });
}
