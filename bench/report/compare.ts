import { type FigureName, figureInfos, figureNames } from "../measure/figures.ts";
import type { RunResult, ScenarioResult } from "../measure/result.ts";
import { median, type Spread, spreadOf } from "../measure/summary.ts";
import { figureHeading, formatTimes, formatValue } from "./format.ts";

/** What became of one figure of one of ringway's engines. */
export interface Change {
  readonly scenario: string;
  readonly proxy: string;
  readonly figure: FigureName;
  readonly before: Spread;
  readonly after: Spread;
  /** How many times better it is, apart from how the machine itself changed. */
  readonly times: number;
  /** What {@link times} may be off 1 by chance, as a factor above 1. */
  readonly noise: number;
  readonly verdict: "better" | "worse" | "same";
}

/** Changes below this are not worth a line, however quiet the machine was. */
const NOISE_MIN = 1.03;

/**
 * Compares ringway's figures of two runs. A machine is not the same from one hour to the next, so
 * that what happened to the peers, which did not change, is taken as what happened to the machine.
 */
export function compareRuns(before: RunResult, after: RunResult): Change[] {
  const changes: Change[] = [];
  for (const old of before.scenarios) {
    const now = after.scenarios.find(({ name }) => name === old.name);
    if (now === undefined) continue;
    for (const figure of figureNames) changes.push(...compareFigure(old, now, figure, after));
  }
  return changes;
}

function compareFigure(
  old: ScenarioResult,
  now: ScenarioResult,
  figure: FigureName,
  { proxies }: RunResult,
): Change[] {
  const pairs = proxies.flatMap(({ name, isOurs }) => {
    const before = spreadOf(old.rounds, name, figure);
    const after = spreadOf(now.rounds, name, figure);
    // Of nothing there is no ratio.
    if (before === null || after === null || before.min <= 0 || after.min <= 0) return [];
    return [{ name, isOurs, before, after, change: after.median / before.median }];
  });
  const peers = pairs.filter(({ isOurs, name }) => !isOurs && name !== "direct");
  const machine = Math.exp(mean(peers.map(({ change }) => Math.log(change))));
  return pairs
    .filter(({ isOurs }) => isOurs)
    .map(({ name: proxy, before, after, change }) => {
      const own = change / machine;
      const times = figureInfos[figure].better === "more" ? own : 1 / own;
      const noise = Math.max(NOISE_MIN, Math.sqrt(swing(before) * swing(after)));
      const isChange = times > noise || times < 1 / noise;
      const verdict = !isChange ? "same" : times > 1 ? "better" : "worse";
      return { scenario: old.name, proxy, figure, before, after, times, noise, verdict };
    });
}

/** How far apart a run's own rounds lie, as a factor. */
function swing({ min, max }: Spread): number {
  return max / min;
}

function mean(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The comparison as text: what got worse first. */
export function renderComparison(changes: readonly Change[]): string {
  const lines = (verdict: Change["verdict"]) =>
    changes.filter((change) => change.verdict === verdict).map(renderChange);
  const [worse, better] = [lines("worse"), lines("better")];
  const same = changes.length - worse.length - better.length;
  const parts = [
    ...(worse.length > 0 ? ["worse:", ...worse] : []),
    ...(better.length > 0 ? ["better:", ...better] : []),
    `${same} of ${changes.length} figures are the same within the noise of their rounds`,
    `half of them, beside the peers, are within ${agreement(changes).toFixed(1)} % of before`,
  ];
  return `${parts.join("\n")}\n`;
}

/** What half of the figures changed by at most, in percent; 0 when there are none. */
function agreement(changes: readonly Change[]): number {
  if (changes.length === 0) return 0;
  return (Math.exp(median(changes.map(({ times }) => Math.abs(Math.log(times))))) - 1) * 100;
}

function renderChange({ scenario, proxy, figure, before, after, times, noise }: Change): string {
  const values = `${formatValue(before.median)} → ${formatValue(after.median)}`;
  const percent = ((noise - 1) * 100).toFixed(0);
  const what = `${scenario}, ${proxy}, ${figureHeading(figure)}`;
  return `  ${what}: ${values}, ${formatTimes(times)} beside the peers (noise ${percent} %)`;
}
