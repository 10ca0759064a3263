import type { FigureName } from "../measure/figures.ts";
import type { RunResult } from "../measure/result.ts";
import { median, type Row, rowsOf, timesBetter } from "../measure/summary.ts";
import { percentApart } from "./agreement.ts";
import { figureHeading, formatTimes } from "./format.ts";

/** What two runs say about one main figure of one of ringway's engines. */
export interface Repeat {
  readonly scenario: string;
  readonly proxy: string;
  readonly figure: FigureName;
  /** How many times better than the best peer it was in each of them. */
  readonly before: number;
  readonly after: number;
  /** That peer in each of them. */
  readonly peers: readonly [before: string, after: string];
  readonly percentApart: number;
}

/** Two runs agree about a figure when their ratios are no further apart than this. */
const AGREED_PERCENT = 10;

/** Every main figure that both runs have, in the order of the tables. */
export function repeatsOf(before: RunResult, after: RunResult): Repeat[] {
  const ours = after.proxies.filter(({ isOurs }) => isOurs).map(({ name }) => name);
  return before.scenarios.flatMap((old) => {
    const now = after.scenarios.find(({ name }) => name === old.name);
    if (now === undefined) return [];
    const rows = rowsOf(now, after.proxies);
    return rowsOf(old, before.proxies)
      .filter(({ figure }) => old.shown.includes(figure))
      .flatMap((row) => {
        const other = rows.find(({ figure }) => figure === row.figure);
        if (other === undefined) return [];
        return ours.flatMap((proxy) => repeatOf(old.name, proxy, row, other));
      });
  });
}

function repeatOf(scenario: string, proxy: string, old: Row, now: Row): Repeat[] {
  const [before, after] = [timesBetter(old, proxy), timesBetter(now, proxy)];
  if (before === null || after === null) return [];
  return [
    {
      scenario,
      proxy,
      figure: old.figure,
      before,
      after,
      peers: [old.bestPeer ?? "", now.bestPeer ?? ""],
      percentApart: percentApart(before, after),
    },
  ];
}

/** Whether two runs agree, as text: every main figure, the sum of it in the last line. */
export function renderRepeats(repeats: readonly Repeat[]): string {
  if (repeats.length === 0) return "the two runs have no main figure in common\n";
  const names = repeats.map(({ scenario, proxy, figure }) => {
    return `${scenario}, ${proxy}, ${figureHeading(figure)}`;
  });
  const width = Math.max(...names.map((name) => name.length));
  const lines = repeats.map(({ before, after, peers, percentApart: apart }, index) => {
    const times = `${formatTimes(before)} → ${formatTimes(after)}`;
    const mark = apart > AGREED_PERCENT ? "  *" : "";
    const percent = `${apart.toFixed(0).padStart(4)} %`;
    return `  ${names[index]?.padEnd(width)} ${percent}  ${times} (${peersText(peers)})${mark}`;
  });
  const agreed = repeats.filter((one) => one.percentApart <= AGREED_PERCENT).length;
  const middle = median(repeats.map((one) => one.percentApart)).toFixed(1);
  const count = `${agreed} of ${repeats.length} are within ${AGREED_PERCENT} %`;
  return `${[
    "main figures, to the best peer, and how far the two runs are apart about it:",
    ...lines,
    `half of the main figures are within ${middle} % of each other; ${count} (* is not)`,
  ].join("\n")}\n`;
}

function peersText([before, after]: Repeat["peers"]): string {
  return before === after ? before : `${before} → ${after}`;
}
