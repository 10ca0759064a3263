import type { Statistics } from "./statistics.ts";

/** The statistics as one JSON object on one line; {@link Statistics} documents its names. */
export function renderJson(statistics: Statistics): string {
  return `${JSON.stringify(statistics, rounded)}\n`;
}

/**
 * For JSON.stringify: rates and durations have digits that measure nothing; counts are whole and stay
 * as they are.
 */
export function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1_000) / 1_000 : value;
}
