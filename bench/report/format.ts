import { type FigureName, figureInfos } from "../measure/figures.ts";

/** A value with three significant digits and thousands apart: 41,200, 8.13, 0.042. */
export function formatValue(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(Math.abs(value)))));
  // Above 1,000 the digits behind the third say nothing, but zeroes in their place look odd.
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** How a figure is headed: `CPU per op, µs`. */
export function figureHeading(figure: FigureName): string {
  const { title, unit } = figureInfos[figure];
  return unit === "" ? title : `${title}, ${unit}`;
}

/** A ratio that leaves no doubt about which way is better. */
export function formatTimes(times: number): string {
  if (times >= 0.995 && times <= 1.005) return "equal";
  return times > 1 ? `${times.toFixed(2)}× better` : `${(1 / times).toFixed(2)}× worse`;
}

/** Seconds as a person says them: `42 s`, `3 min 05 s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}
