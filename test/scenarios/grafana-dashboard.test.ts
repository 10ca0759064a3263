import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { figures } from "../../src/observe/metrics/figures.ts";
import { Metrics, toldMetrics } from "../../src/observe/metrics/metrics.ts";
import { engineStats } from "../../src/observe/test-figures.ts";
import { parseExposition } from "../fixtures/exposition.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: {
    readonly h: number;
    readonly w: number;
    readonly x: number;
    readonly y: number;
  };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
}

const path = resolve(import.meta.dir, "../../packaging/grafana-dashboard.json");
const dashboard = (await Bun.file(path).json()) as Dashboard;
const graphs = dashboard.panels.filter(({ type }) => type !== "row");
const queries = graphs.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** The names of all metrics, and of the values that a histogram has. */
async function metricNames(): Promise<Set<string>> {
  const snapshot = {
    stats: engineStats(),
    upstreams: [],
    certificates: [],
    accepts: true,
    accessLog: null,
    logLinesDropped: 0,
    engines: [],
  };
  const text = await new Metrics().text(snapshot, { version: "1", engine: "sockets" });
  const plain = figures.filter(({ kind }) => kind !== "histogram");
  const names = new Set(plain.map(({ name }) => name));
  for (const { kind, name } of figures) {
    if (kind !== "histogram") continue;
    for (const part of ["_bucket", "_sum", "_count"]) names.add(`${name}${part}`);
  }
  for (const [name, { type }] of parseExposition(text)) {
    const parts = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    for (const part of parts) names.add(`${name}${part}`);
  }
  return names;
}

test("the dashboard asks for metrics that there are, and for all of ringway's", async () => {
  const known = await metricNames();
  const definitions = dashboard.templating.list.map(({ definition = "" }) => definition);
  const asked = new Set(
    [...queries, ...definitions].join(" ").match(/\b(ringway|process)_[a-z_]+\b/g),
  );
  for (const name of asked) expect(known).toContain(name);
  const own = [...known].filter((name) => /^ringway_(?!.*_(sum|count)$)/.test(name));
  const untold = ["ringway_segments_leased_max", "ringway_dial_seconds", "ringway_relay_seconds"];
  for (const name of own) if (!untold.includes(name)) expect(asked).toContain(name);
});

test("its labels are those of the metrics", () => {
  const known = new Set(["le", "instance", "job", "version", "engine"]);
  const all: readonly { readonly labels: readonly string[] }[] = [
    ...figures,
    ...Object.values(toldMetrics),
  ];
  for (const label of all.flatMap(({ labels }) => labels)) known.add(label);
  for (const [, labels = ""] of queries.join("\n").matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of labels.split(", ")) expect(known).toContain(label);
  }
});

test("every query is of the instances that were picked, and its brackets close", () => {
  for (const query of queries) {
    const names = query.match(/\b(ringway|process)_[a-z_]+/g) ?? [];
    const picked = query.split('{job=~"$job",instance=~"$instance"}').length - 1;
    expect(picked).toBe(names.length);
    for (const [open, close] of ["()", "{}", "[]"].map((pair) => pair.split(""))) {
      expect(query.split(open ?? "").length).toBe(query.split(close ?? "").length);
    }
  }
});

test("panels have a number of their own and do not lie on each other", () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  const taken = new Set<string>();
  for (const { title, gridPos } of dashboard.panels) {
    expect(title).not.toBe("");
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      expect(x).toBeLessThan(24);
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.has(`${x} ${y}`)).toBe(false);
        taken.add(`${x} ${y}`);
      }
    }
  }
});
