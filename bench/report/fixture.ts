import type { Figures } from "../measure/figures.ts";
import type { RunResult, ScenarioResult } from "../measure/result.ts";

/** A fictional machine, for the tests of reports. */
export const machine: RunResult["machine"] = {
  cpu: "Some CPU",
  cores: 2,
  memoryGibibytes: 4,
  system: "Linux 6.18 x64",
  bun: "1.4.5",
  redis: "embedded",
  commit: "abcdef0",
};

/** A run with these proxies and scenarios, as a test needs it. */
export function runOf(proxies: readonly string[], scenarios: readonly ScenarioResult[]): RunResult {
  return {
    format: 1,
    startedAt: "2026-11-23T00:00:00.000Z",
    seconds: 1,
    form: "full",
    rounds: 1,
    durationMs: 1_000,
    machine,
    proxies: proxies.map((name) => ({
      name,
      isOurs: name.startsWith("ringway"),
      version: `${name} version 2.6.12-1`,
    })),
    missing: [],
    scenarios,
  };
}

/** A scenario of one round, in which each proxy found these figures; all of them are main ones. */
export function scenarioOf(
  name: string,
  figures: Readonly<Record<string, Figures>>,
): ScenarioResult {
  const rounds = Object.entries(figures).map(([proxy, own]) => ({
    proxy,
    round: 1,
    figures: own,
    failure: null,
  }));
  const shown = Object.keys(Object.values(figures)[0] ?? {}) as (keyof Figures)[];
  return { name, title: name, note: null, shown, rounds };
}
