import { type FigureName, figureInfos, figureNames } from "./figures.ts";
import type { ProxyResult, RoundResult, ScenarioResult } from "./result.ts";

/** One figure of one proxy over all its rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many rounds it is of. */
  readonly count: number;
}

/** One figure of a scenario: a row of the tables. */
export interface Row {
  readonly figure: FigureName;
  /** By the proxy's name; only those that have the figure. */
  readonly spreads: ReadonlyMap<string, Spread>;
  /** The proxy with the best median; `direct` takes no part. Null when there is none. */
  readonly best: string | null;
  /** The same among the peers alone: what ringway is compared with. */
  readonly bestPeer: string | null;
}

/** The rows of a scenario, in the order of the figures. */
export function rowsOf(
  scenario: Pick<ScenarioResult, "rounds">,
  proxies: readonly ProxyResult[],
): Row[] {
  const rows: Row[] = [];
  for (const figure of figureNames) {
    const spreads = new Map<string, Spread>();
    for (const { name } of proxies) {
      const spread = spreadOf(scenario.rounds, name, figure);
      if (spread !== null) spreads.set(name, spread);
    }
    if (spreads.size === 0) continue;
    const rivals = proxies.filter(({ name }) => name !== "direct" && spreads.has(name));
    const peers = rivals.filter(({ isOurs }) => !isOurs);
    rows.push({
      figure,
      spreads,
      best: bestOf(figure, rivals, spreads),
      bestPeer: bestOf(figure, peers, spreads),
    });
  }
  return rows;
}

/** How many times better than the best peer; below 1 is worse, null if there is nothing to say. */
export function timesBetter(row: Row, proxy: string): number | null {
  const ours = row.spreads.get(proxy)?.median;
  const theirs = row.bestPeer === null ? undefined : row.spreads.get(row.bestPeer)?.median;
  if (ours === undefined || theirs === undefined || ours <= 0 || theirs <= 0) return null;
  return figureInfos[row.figure].better === "more" ? ours / theirs : theirs / ours;
}

/** Median, minimum and maximum of a proxy's rounds; null when none of them has the figure. */
export function spreadOf(
  rounds: readonly RoundResult[],
  proxy: string,
  figure: FigureName,
): Spread | null {
  const values: number[] = [];
  for (const round of rounds) {
    const value = round.proxy === proxy ? round.figures[figure] : undefined;
    if (value !== undefined) values.push(value);
  }
  if (values.length === 0) return null;
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    count: values.length,
  };
}

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

function bestOf(
  figure: FigureName,
  proxies: readonly ProxyResult[],
  spreads: ReadonlyMap<string, Spread>,
): string | null {
  const sign = figureInfos[figure].better === "more" ? 1 : -1;
  let best: string | null = null;
  let score = Number.NEGATIVE_INFINITY;
  for (const { name } of proxies) {
    const value = sign * (spreads.get(name)?.median ?? Number.NEGATIVE_INFINITY * sign);
    if (value > score) [best, score] = [name, value];
  }
  return best;
}
