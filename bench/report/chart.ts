import { type EChartsCoreOption, init } from "echarts";

/** One colour per proxy, the same in every chart; chosen to be told apart without seeing red. */
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

/** Named values side by side: a bar per category and series. */
export interface BarChart {
  readonly title: string;
  readonly unit: string;
  readonly categories: readonly string[];
  /** Null where there is no value. */
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
  return render({
    ...frame(title, unit, isLogarithmic === true ? "log" : "value"),
    xAxis: { type: "category", data: [...categories] },
    series: series.map(({ name, values }) => ({
      type: "bar",
      name,
      data: [...values],
      itemStyle: { color: COLORS[name] },
    })),
  });
}

/** A line chart as the text of an SVG file. */
export function renderLines({ title, unit, series }: LineChart): string {
  return render({
    ...frame(title, unit, "value"),
    xAxis: { type: "value", name: "s", max: "dataMax" },
    series: series.map(({ name, points }) => ({
      type: "line",
      name,
      data: points.map(([seconds, value]) => [seconds, value]),
      showSymbol: false,
      lineStyle: { width: 1.5 },
    })),
  });
}

function frame(title: string, unit: string, type: "log" | "value"): object {
  return {
    animation: false,
    // A page may be dark, and then black text on nothing cannot be read.
    backgroundColor: "#ffffff",
    title: { text: title, left: "center", top: 8 },
    legend: { bottom: 8 },
    grid: { left: 70, right: 30, top: 70, bottom: 70 },
    yAxis: { type, name: unit },
  };
}

function render(option: EChartsCoreOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
