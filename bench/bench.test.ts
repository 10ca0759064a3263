import { beforeAll, describe, expect, test } from "bun:test";
import { FULL_ROUNDS, measure } from "./commands/run.ts";
import { type FigureName, figureNames } from "./measure/figures.ts";
import type { RunResult, ScenarioResult } from "./measure/result.ts";
import { roundsOf, takesPart } from "./measure/runner.ts";
import { rowsOf, timesBetter } from "./measure/summary.ts";
import { proxies } from "./proxies/all.ts";
import { compareRuns } from "./report/compare.ts";
import { renderTables } from "./report/table.ts";
import { scenarios } from "./scenarios/all.ts";
import type { Scenario } from "./scenarios/scenario.ts";

// The whole suite in its smoke form: every scenario does what it says and finds its figures. How
// large they are is not asserted, as that is the machine's business.

const LIMIT_MS = 300_000;
const smoke = { form: "smoke", rounds: 1, durationMs: 100 } as const;
/** Whom every scenario is tried with; a scenario does not know whom it measures. */
const ours = proxies.filter(
  ({ name, isMultiplexer }) => name === "ringway-sockets" || name === "direct" || isMultiplexer,
);
/** What all others are tried in, too: requests, connections and bytes. */
const EVERYBODY = ["ping-50", "churn", "bulk-1"];
/** With every scenario, and with every proxy. */
let wide: RunResult;
let run: RunResult;

beforeAll(async () => {
  const [those, others] = [true, false].map((isWanted) =>
    scenarios.filter(({ name }) => EVERYBODY.includes(name) === isWanted),
  ) as [Scenario[], Scenario[]];
  wide = await measure({ ...smoke, proxies: ours, scenarios: others });
  run = await measure({ ...smoke, proxies, scenarios: those });
}, LIMIT_MS);

/** What each kind of scenario must find for every proxy, besides the figures that it shows. */
const ALWAYS: readonly FigureName[] = ["memoryRestMebibytes"];

/** Those whose tools are here. */
const able = scenarios.filter((scenario) => (scenario.missing?.() ?? null) === null);

/** Scenarios that start the proxy themselves, and so have nothing to say about none. */
const WITHOUT_DIRECT: readonly string[] = ["start-up", "tool-time"];

describe.each(able.map(({ name }) => name))("%s", (name) => {
  const played = () => (EVERYBODY.includes(name) ? run : wide);
  const scenario = () => played().scenarios.find((one) => one.name === name) as ScenarioResult;

  test("no round failed, so that every answer came and every byte was right", () => {
    const failures = scenario().rounds.flatMap(({ proxy, failure }) =>
      failure === null ? [] : [`${proxy}: ${failure}`],
    );
    expect(failures).toEqual([]);
  });

  test("measures every proxy once, interleaved in their order", () => {
    const order = scenario().rounds.map(({ proxy }) => proxy);
    const asked = scenarios.find((one) => one.name === name) as Scenario;
    const able = proxies.filter((proxy) => takesPart(asked, proxy)).map((proxy) => proxy.name);
    const took = played().proxies.map((proxy) => proxy.name);
    expect(order).toEqual(took.filter((proxy) => able.includes(proxy)));
  });

  test("has its figures for every proxy, all of them finite and not negative", () => {
    for (const { proxy, figures } of scenario().rounds) {
      if (proxy === "direct" && WITHOUT_DIRECT.includes(name)) continue;
      for (const figure of [...scenario().shown, ...ALWAYS]) expect(figures).toContainKey(figure);
      for (const value of Object.values(figures)) {
        expect(value).toBeFinite();
        expect(value).toBeGreaterThanOrEqual(0);
      }
    }
  });

  test("its percentiles are in order", () => {
    for (const { figures } of scenario().rounds) {
      const { latencyP50Micros: p50, latencyP99Micros: p99, latencyP999Micros: p999 } = figures;
      if (p50 === undefined || p99 === undefined || p999 === undefined) continue;
      expect([p50, p99, p999, figures.latencyMaxMicros]).toEqual(
        [p50, p99, p999, figures.latencyMaxMicros].toSorted((a = 0, b = 0) => a - b),
      );
    }
  });

  test("ratios are finite and above 0, and the best is not `direct`", () => {
    for (const row of rowsOf(scenario(), played().proxies)) {
      expect(row.best).not.toBe("direct");
      for (const { name: proxy } of played().proxies.filter(({ isOurs }) => isOurs)) {
        const times = timesBetter(row, proxy);
        if (times !== null) expect(times > 0 && Number.isFinite(times)).toBe(true);
      }
    }
  });
});

test("what is missing is named with how to get it, and the rest took part", () => {
  const all = [...run.missing, ...wide.missing];
  const missing = all.filter(({ name }) => name !== "redis-server");
  const took = [run, wide].flatMap((one) => [...one.proxies, ...one.scenarios]);
  const names = new Set([...took, ...missing].map(({ name }) => name));
  const asked = [...proxies, ...scenarios].map(({ name }) => name);
  expect([...names].toSorted()).toEqual(asked.toSorted());
  for (const { why } of all) expect(why).not.toBe("");
  expect(run.proxies.map(({ name }) => name)).toContain("ringway-sockets");
});

test("a full run takes under 20 minutes on paper, with 5 rounds of all but a few", () => {
  // A second of load, and what connecting, starting and looking take; the mean over all scenarios.
  const secondsPerRound = 1.6;
  const everything = scenarios.filter(({ isOnRequest }) => isOnRequest !== true);
  const rounds = everything.flatMap((scenario) =>
    proxies
      .filter((proxy) => takesPart(scenario, proxy))
      .flatMap(() => roundsOf(scenario, FULL_ROUNDS)),
  );
  expect(rounds.length * secondsPerRound).toBeLessThan(18.5 * 60);
  const few = scenarios.filter((scenario) => !roundsOf(scenario, FULL_ROUNDS).includes(5));
  const tls = scenarios.filter(({ endsTls }) => endsTls === true);
  const named = ["idle-2000", "idle-10000", ...tls.map(({ name }) => name), "tool-time"];
  expect(few.map(({ name }) => name)).toEqual(named);
});

test("the table shows every scenario and every figure", () => {
  const text = [run, wide].map((one) => renderTables(one, { all: true, color: false })).join("\n");
  for (const { name, title } of able) expect(text).toContain(`${name}: ${title}`);
  expect(text).not.toContain("NaN");
});

test("a run compared with itself is neither better nor worse", () => {
  expect(figureNames.length).toBeGreaterThan(0);
  expect(
    compareRuns(run, run).flatMap(({ verdict }) => (verdict === "same" ? [] : [verdict])),
  ).toEqual([]);
});
