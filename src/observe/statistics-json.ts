import type { Statistics } from "./statistics.ts";

/** The statistics as one JSON object on one line; {@link Statistics} documents its names. */
export function renderJson(statistics: Statistics): string {
  // Rates and durations have digits that measure nothing; counts are whole and stay as they are.
  const round = (_: string, value: unknown) =>
    typeof value === "number" ? Math.round(value * 1_000) / 1_000 : value;
  return `${JSON.stringify(statistics, round)}\n`;
}
