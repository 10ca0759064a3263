import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { reasons } from "../../src/base/reason.ts";
import { figures } from "../../src/observe/metrics/figures.ts";
import { Metrics, toldMetrics } from "../../src/observe/metrics/metrics.ts";
import { engineStats } from "../../src/observe/test-figures.ts";
import { runProgram } from "../clients/programs.ts";
import { parseExposition } from "../fixtures/exposition.ts";

// packaging/alerts.yml: rules for Prometheus that ask for what there is.

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

const path = resolve(import.meta.dir, "../../packaging/alerts.yml");
const { groups } = Bun.YAML.parse(await Bun.file(path).text()) as Rules;
const rules = groups.flatMap((group) => group.rules);
const named = rules.map((rule) => [rule.alert, rule] as const);
const metrics = [...figures, ...Object.values(toldMetrics)];

test("every alert has a name of its own", () => {
  expect(rules.length).toBeGreaterThan(5);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
});

test.each(named)("%s asks for metrics, labels and reasons that there are", (_, rule) => {
  const { expr, annotations, labels } = rule;
  const names = expr.match(/\b(?:ringway|process)_[a-z_]+/g) ?? ["up"];
  expect(names).not.toBeEmpty();
  const known = new Set(["job", "instance", "listener"]);
  for (const name of names.filter((one) => one.startsWith("ringway_"))) {
    const metric = metrics.find((one) => one.name === name);
    expect([name, metric?.name]).toEqual([name, name]);
    for (const label of metric?.labels ?? []) known.add(label);
  }
  for (const [, list = ""] of expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)) {
    for (const label of list.split(", ")) expect(known).toContain(label);
  }
  for (const [, label = ""] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
    expect(known).toContain(label);
  }
  for (const [, list = ""] of expr.matchAll(/reason=~?"([^"]*)"/g)) {
    for (const reason of list.split("|")) expect(reasons as readonly string[]).toContain(reason);
  }
  expect(["critical", "warning"]).toContain(labels.severity);
  expect(annotations.description).toEndWith(".");
});

test("a healthy replica under redis-primary is no alert: its listener has a count of primaries", async () => {
  const rule = rules.find(({ alert }) => alert === "RingwayUpstreamDown");
  expect(rule?.expr).toBe(
    "ringway_upstream_up == 0 unless on (job, instance, listener) ringway_upstream_primaries",
  );
  const upstream = (name: string, health: "up" | "down", primaries: number | null) => {
    const listener = primaries === null ? "db" : "redis";
    const more = { isOpen: health === "up", running: 0, effectiveWeight: 1, addresses: [] };
    return { listener, upstream: name, health, primaries, ...more };
  };
  const text = await new Metrics().text(
    {
      stats: engineStats(),
      upstreams: [
        upstream("a:1", "up", 1),
        upstream("b:1", "down", 0),
        upstream("c:1", "down", null),
      ],
      certificates: [],
      accepts: true,
      accessLog: null,
      logLinesDropped: 0,
      engines: [],
    },
    { version: "1", engine: "sockets" },
  );
  const samples = parseExposition(text);
  const listeners = (name: string, value?: number) =>
    [...(samples.get(name)?.samples ?? [])]
      .filter((sample) => value === undefined || sample.value === value)
      .map(({ labels }) => labels.listener);
  expect(listeners("ringway_upstream_up", 0)).toEqual(["redis", "db"]);
  expect(new Set(listeners("ringway_upstream_primaries"))).toEqual(new Set(["redis"]));
});

const promtool = Bun.which("promtool");

test.if(promtool !== null)("Prometheus accepts them, and evaluates them as meant", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ringway-alerts-"));
  const series = (name: string, listener: string, upstream: string, value: number) => ({
    series: `${name}{job="ringway",instance="i",listener="${listener}",upstream="${upstream}"}`,
    values: `${value}x20`,
  });
  const scene = {
    rule_files: [path],
    evaluation_interval: "15s",
    tests: [
      {
        interval: "15s",
        input_series: [
          series("ringway_upstream_up", "redis", "primary:1", 1),
          series("ringway_upstream_up", "redis", "replica:1", 0),
          series("ringway_upstream_primaries", "redis", "primary:1", 1),
          series("ringway_upstream_primaries", "redis", "replica:1", 0),
          series("ringway_upstream_up", "db", "db:1", 0),
          series("ringway_upstream_primaries", "torn", "one:1", 1),
          series("ringway_upstream_primaries", "torn", "two:1", 1),
        ],
        alert_rule_test: [
          ["RingwayUpstreamDown", { listener: "db", upstream: "db:1" }],
          ["RingwaySplitBrain", { listener: "torn" }],
          ["RingwayNoPrimary", null],
        ].map(([alertname, found]) => ({
          alertname,
          eval_time: "4m",
          exp_alerts: found === null ? [] : [expected(alertname as string, found as object)],
        })),
      },
    ],
  };
  await Bun.write(join(folder, "scene.json"), JSON.stringify(scene));
  for (const command of [
    ["check", "rules", path],
    ["test", "rules", join(folder, "scene.json")],
  ]) {
    const { code, out, err } = await runProgram([promtool ?? "", ...command], folder);
    expect({ code, said: code === 0 ? "" : out + err }).toEqual({ code: 0, said: "" });
  }
  await rm(folder, { recursive: true });
});

/** An alert as promtool wants it told: its texts are those of the rule, filled in. */
function expected(alertname: string, labels: object): object {
  const rule = rules.find(({ alert }) => alert === alertname);
  const all: Readonly<Record<string, string>> = { ...labels } as never;
  const filled = (rule?.annotations.summary ?? "")
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => all[label] ?? "")
    .replace("{{ $value }}", "2");
  return {
    exp_labels: { job: "ringway", instance: "i", ...rule?.labels, ...labels },
    exp_annotations: { ...rule?.annotations, summary: filled },
  };
}
