import { defineCommand } from "citty";
import { describeMachine } from "../measure/machine.ts";
import type { Form, RunResult } from "../measure/result.ts";
import { roundsOf, runScenario, takesPart } from "../measure/runner.ts";
import { proxies } from "../proxies/all.ts";
import type { ProxyAdapter } from "../proxies/proxy.ts";
import { Progress } from "../report/progress.ts";
import { failureLines, renderTables } from "../report/table.ts";
import { writeReport } from "../report/write.ts";
import { scenarios } from "../scenarios/all.ts";
import { pick, type Scenario } from "../scenarios/scenario.ts";
import { missingRedis } from "../upstreams/upstream.ts";
import { choose, positive, variants } from "./choose.ts";

const names = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name).join(",");

/** Rounds of a full run by default: an odd number, so that the median is one of them. */
export const FULL_ROUNDS = 5;

/** `bun run bench`: measures and compares. */
export const runBench = defineCommand({
  meta: { name: "bench", description: "compares ringway with what else there is, in one run" },
  args: {
    proxies: { type: "string", description: `which, of: ${names(proxies)}` },
    variants: {
      type: "string",
      description: "also ringway with other flags: NAME=FLAGS, several apart by ;",
    },
    scenarios: { type: "string", description: `which, of: ${names(scenarios)}` },
    rounds: {
      type: "string",
      description: `rounds that count, after one to warm up [${FULL_ROUNDS}]`,
    },
    duration: { type: "string", description: "milliseconds of a round [1000]" },
    smoke: { type: "boolean", description: "small and short: does everything work?" },
    all: { type: "boolean", description: "print every figure, not only the main ones" },
    report: { type: "string", description: "write RESULTS.md and its charts to this directory" },
    json: { type: "string", description: "write every round to this file" },
  },
  async run({ args }) {
    const form: Form = args.smoke ? "smoke" : "full";
    const run = await measure({
      form,
      proxies: [...choose("proxy", args.proxies, proxies), ...variants(args.variants)],
      scenarios: choose("scenario", args.scenarios, scenarios).filter(
        ({ isOnRequest }) => args.scenarios !== undefined || isOnRequest !== true,
      ),
      rounds: positive("--rounds", args.rounds, pick(form, { smoke: 1, full: FULL_ROUNDS })),
      durationMs: positive("--duration", args.duration, pick(form, { smoke: 100, full: 1_000 })),
    });
    if (args.json) await Bun.write(args.json, `${JSON.stringify(run, null, 1)}\n`);
    const color = process.stdout.isTTY === true;
    process.stdout.write(renderTables(run, { all: args.all === true, color }));
    if (args.report) await writeReport(run, args.report);
    if (run.scenarios.some((scenario) => failureLines(scenario).length > 0)) process.exitCode = 1;
  },
});

/** What to measure. */
export interface Plan {
  readonly form: Form;
  readonly proxies: readonly ProxyAdapter[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly durationMs: number;
}

/** Measures what the plan lists, except what is missing here. */
export async function measure(plan: Plan): Promise<RunResult> {
  const { form, rounds, durationMs } = plan;
  const startedAt = new Date();
  const missing: { name: string; why: string }[] = [];
  const redis = missingRedis();
  if (redis !== null) missing.push({ name: "redis-server", why: redis });
  const present: ProxyAdapter[] = [];
  for (const proxy of plan.proxies) {
    if (!plan.scenarios.some((scenario) => takesPart(scenario, proxy))) continue;
    const why = await proxy.missing();
    if (why === null) present.push(proxy);
    else missing.push({ name: proxy.name, why });
  }
  const able: Scenario[] = [];
  for (const scenario of plan.scenarios) {
    const why = scenario.missing?.() ?? null;
    if (why === null) able.push(scenario);
    else missing.push({ name: scenario.name, why });
  }
  const steps = able.map((scenario) => {
    const count = present.filter((proxy) => takesPart(scenario, proxy)).length;
    return count * roundsOf(scenario, rounds, form).length;
  });
  const progress = new Progress(steps.reduce((sum, count) => sum + count, 0));
  const onRound = ({ name }: Scenario, proxy: ProxyAdapter, round: number) =>
    progress.step(name, round === 0 ? `${proxy.name}, warm-up` : `${proxy.name}, round ${round}`);
  const results = [];
  for (const scenario of able) {
    results.push(await runScenario(scenario, present, { form, rounds, durationMs, onRound }));
  }
  progress.finish();
  return {
    format: 1,
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1_000,
    form,
    rounds,
    durationMs,
    machine: await describeMachine(),
    proxies: await Promise.all(
      present.map(async ({ name, isOurs, version }) => ({
        name,
        isOurs,
        version: await version(),
      })),
    ),
    missing,
    scenarios: results,
  };
}
