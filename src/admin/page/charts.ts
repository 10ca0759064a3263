import type UPlot from "uplot";
import type { Sample } from "../sample.ts";
import { byId, element, setText } from "./dom.ts";
import * as format from "./format.ts";
import { gap } from "./rates.ts";

/** Loaded by a script before this one. */
declare const uPlot: typeof UPlot;

/** Seconds that a chart shows: at first, and at most. */
const SPAN_LEAST_S = 60;
const SPAN_S = 3_600;
/** Longer gaps are shown as gaps: the proxy takes a sample every five seconds. */
const PAUSE_S = 8;
const HEIGHT = 150;

interface Line {
  readonly key: Exclude<keyof Sample, "at">;
  readonly label: string;
  /** The colour's name in the style sheet. */
  readonly color: string;
  /** Lengths of dashes and gaps, for a line that may overlap another. */
  readonly dash?: number[];
}

interface ChartOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** Possible distances between the lines of the grid. */
  readonly steps: number[];
  /** The least maximum of the scale. */
  readonly least: number;
}

const decimal = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power));
/** The same from a hundredth up. */
const fine = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, ...decimal.flat()];
const binary = Array.from({ length: 50 }, (_, power) => 2 ** power);

const CHARTS: readonly ChartOptions[] = [
  {
    title: "Relays running",
    lines: [{ key: "running", label: "running", color: "--line-a" }],
    format: format.count,
    steps: decimal.flat(),
    least: 4,
  },
  {
    title: "Relays accepted per second",
    lines: [{ key: "accepted", label: "accepted/s", color: "--line-b" }],
    format: format.rate,
    steps: decimal.flat(),
    least: 4,
  },
  {
    title: "Bytes per second",
    lines: [
      { key: "up", label: "up", color: "--line-a" },
      { key: "down", label: "down", color: "--line-b", dash: [5, 3] },
    ],
    format: format.bytes,
    steps: binary,
    least: 1_024,
  },
  {
    title: "Pool in use",
    lines: [{ key: "pool", label: "in use", color: "--line-c" }],
    format: format.bytes,
    steps: binary,
    least: 1_024,
  },
  {
    title: "Time until the upstream answered",
    lines: [
      { key: "dialP50", label: "p50", color: "--line-a" },
      { key: "dialP99", label: "p99", color: "--line-b", dash: [5, 3] },
    ],
    format: format.latency,
    steps: fine,
    least: 0.5,
  },
  {
    title: "Time until its first byte",
    lines: [
      { key: "firstByteP50", label: "p50", color: "--line-a" },
      { key: "firstByteP99", label: "p99", color: "--line-b", dash: [5, 3] },
    ],
    format: format.latency,
    steps: fine,
    least: 0.5,
  },
];

/** The charts of the last hour. */
export class Charts {
  private samples: Sample[] = [];
  private readonly charts: Chart[];

  constructor() {
    this.charts = CHARTS.map((options) => new Chart(options));
    byId("charts").replaceChildren(...this.charts.map(({ figure }) => figure));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const chart of this.charts) chart.redo(this.samples);
    });
  }

  /** Starts with the samples that the proxy has kept. */
  begin(samples: readonly Sample[]): void {
    this.samples = [...samples];
  }

  /** Adds a sample, and a gap before it after a long pause. */
  add(sample: Sample): void {
    const last = this.samples.at(-1);
    if (last !== undefined && sample.at - last.at > PAUSE_S) this.samples.push(gap(last.at + 1));
    this.samples.push(sample);
    const first = sample.at - SPAN_S;
    this.samples = this.samples.filter(({ at }) => at >= first);
    for (const chart of this.charts) chart.show(this.samples);
  }

  /** Adds a gap, because the proxy has not answered. */
  addGap(): void {
    this.add(gap(Date.now() / 1_000));
  }
}

class Chart {
  readonly figure = element("figure", { class: "chart" });
  private readonly legend = element("figcaption");
  private readonly place = element("div", { class: "plot", "aria-hidden": "true" });
  private plot: UPlot | null = null;
  private samples: readonly Sample[] = [];

  constructor(private readonly options: ChartOptions) {
    this.legend.append(
      element("h3", {}, options.title),
      ...options.lines.map(({ label, color }) =>
        element("span", { class: `key ${color.slice(2)}` }, `${label}: –`),
      ),
    );
    this.figure.append(this.legend, this.place);
    new ResizeObserver(() => {
      const width = this.place.clientWidth;
      if (width > 0) this.plot?.setSize({ width, height: HEIGHT });
    }).observe(this.place);
  }

  show(samples: readonly Sample[]): void {
    this.samples = samples;
    if (this.plot === null) this.redo(samples);
    else this.plot.setData(this.columns());
    this.tell(this.plot?.cursor.idx ?? null);
  }

  /** Draws the chart again, in the current colours. */
  redo(samples: readonly Sample[]): void {
    this.samples = samples;
    this.plot?.destroy();
    this.plot = new uPlot(this.plotOptions(), this.columns(), this.place);
  }

  private columns(): UPlot.AlignedData {
    const at = this.samples.map((sample) => sample.at);
    return [at, ...this.options.lines.map(({ key }) => this.samples.map((one) => one[key]))];
  }

  /** Shows the values under the pointer, or the latest ones. */
  private tell(index: number | null): void {
    const sample = this.samples[index ?? this.samples.length - 1];
    for (const [place, { key, label }] of this.options.lines.entries()) {
      const value = sample?.[key] ?? null;
      const shown = this.legend.children[place + 1];
      const text = value === null ? "–" : this.options.format(value);
      if (shown !== undefined) setText(shown, `${label}: ${text}`);
    }
  }

  private plotOptions(): UPlot.Options {
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const grid = { stroke: color("--grid"), width: 1 };
    const axis = { stroke: color("--faint"), grid, ticks: { ...grid, size: 4 } };
    const { options } = this;
    return {
      width: Math.max(200, this.place.clientWidth),
      height: HEIGHT,
      padding: [8, 28, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: "ringway" }, drag: { x: false, y: false } },
      hooks: { setCursor: [(plot) => this.tell(plot.cursor.idx ?? null)] },
      scales: {
        x: { time: true, range: (_, first, last) => spanOf(first, last) },
        y: { range: (_, __, most) => [0, Math.max(options.least, (most ?? 0) * 1.15)] },
      },
      axes: [
        {
          ...axis,
          size: 28,
          space: 75,
          incrs: [15, 30, 60, 120, 300, 600, 900],
          values: (_, all, __, ___, step) => all.map((one) => clock(one, step < 60)),
        },
        {
          ...axis,
          size: 70,
          incrs: options.steps,
          values: (_, all) => all.map((one) => options.format(one)),
        },
      ],
      series: [
        {},
        ...options.lines.map((line) => ({
          label: line.label,
          stroke: color(line.color),
          width: 1.5,
          points: { show: false },
          ...(line.dash === undefined ? {} : { dash: line.dash }),
        })),
      ],
    };
  }
}

/** The time span: it grows with the samples, up to the maximum. */
function spanOf(first: number, last: number): [number, number] {
  return [last - Math.min(SPAN_S, Math.max(SPAN_LEAST_S, last - first)), last];
}

function clock(seconds: number, isExact: boolean): string {
  return new Date(seconds * 1_000).toLocaleTimeString("en", {
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
    ...(isExact ? { second: "2-digit" } : {}),
  });
}
