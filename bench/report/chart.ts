import { type EChartsCoreOption, init } from "echarts";
import { formatValue } from "./format.ts";

/** One colour per proxy, the same in every chart, distinguishable without seeing red. */
const COLORS: Readonly<Record<string, string>> = {
  direct: "#b8b8b8",
  haproxy: "#4477aa",
  nginx: "#228833",
  naive: "#ccbb44",
  "ringway-sockets": "#ee6677",
  "ringway-uring": "#aa3377",
};
const WIDTH = 960;
const HEIGHT = 400;
/** With more categories than this, bars are too narrow for their values to stand above them. */
const LABELLED_MAX = 3;

/** Named values side by side: a bar per category and series. */
export interface BarChart {
  readonly title: string;
  readonly unit: string;
  readonly categories: readonly string[];
  /** Null if there is no value. */
  readonly series: readonly {
    readonly name: string;
    readonly values: readonly (number | null)[];
  }[];
  /** For values that lie decades apart. */
  readonly isLogarithmic?: boolean;
}

/** Values over time. */
export interface LineChart {
  readonly title: string;
  readonly unit: string;
  /** Points as seconds and value. */
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly (readonly [seconds: number, value: number])[];
  }[];
}

/** A bar chart as the text of an SVG file. */
export function renderBars({ title, unit, categories, series, isLogarithmic }: BarChart): string {
  const values = series.flatMap((one) => one.values.filter((value) => value !== null));
  const axis = isLogarithmic === true ? { type: "log", min: decadeBelow(values) } : {};
  return render({
    ...frame(title, isLogarithmic === true ? `${unit}, logarithmic` : unit, axis),
    xAxis: { type: "category", data: [...categories] },
    series: series.map((one) => ({
      type: "bar",
      name: one.name,
      data: [...one.values],
      label: {
        show: categories.length <= LABELLED_MAX,
        position: "top",
        formatter: ({ value }: { readonly value: number | null }) => {
          return value === null ? "" : formatValue(value);
        },
      },
      itemStyle: { color: COLORS[one.name] },
    })),
  });
}

/** A line chart as the text of an SVG file. */
export function renderLines({ title, unit, series }: LineChart): string {
  return render({
    ...frame(title, unit, {}),
    xAxis: { type: "value", name: "s", max: "dataMax", splitLine: { show: false } },
    series: series.map(({ name, points }) => ({
      type: "line",
      name,
      data: points.map(([seconds, value]) => [seconds, value]),
      showSymbol: false,
      lineStyle: { width: 1.5 },
      itemStyle: { color: COLORS[name] },
    })),
  });
}

/** The power of ten at or below the least value, as a logarithmic axis needs a beginning. */
function decadeBelow(values: readonly number[]): number {
  const least = Math.min(...values.filter((value) => value > 0));
  return Number.isFinite(least) ? 10 ** Math.floor(Math.log10(least)) : 1;
}

function frame(title: string, unit: string, axis: object): object {
  return {
    animation: false,
    // A page may be dark, where black text without a background cannot be read.
    backgroundColor: "#ffffff",
    title: { text: title, left: "center", top: 8 },
    legend: { bottom: 12, itemGap: 24, itemWidth: 14 },
    grid: { left: 90, right: 30, top: 70, bottom: 70 },
    yAxis: { type: "value", name: unit, nameTextStyle: { align: "left" }, ...axis },
  };
}

function render(option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
