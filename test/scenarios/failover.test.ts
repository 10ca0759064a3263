import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { EngineName } from "../../src/config/options.ts";
import { choose } from "../../src/engine/select.ts";
import { probe } from "../../src/engine/uring/probe.ts";
import { waitFor } from "../fixtures/wait.ts";
import { ShortConnections } from "./failover/load.ts";
import type { RedisProcess } from "./failover/redis-process.ts";
import { hung, killed, type Outcome, restarted } from "./failover/scenes.ts";
import { Stage } from "./failover/stage.ts";

// Upstreams die, hang and come back under load: nobody may notice who is not with them.

/** For longer, and with figures: RINGWAY_FAILOVER_MINUTES=5 bun test test/scenarios/failover.test.ts */
const MINUTES = Number(process.env.RINGWAY_FAILOVER_MINUTES ?? 0);
const TIMEOUT_MS = 90_000 + 60_000 * MINUTES;

/** In so many rounds an upstream dies, another one hangs, and the third is restarted. */
const ROUNDS = 2;
const CONNECTIONS_PER_SECOND = MINUTES > 0 ? 1_000 : 500;
const RESIDENTS = 12;

const linux = process.platform === "linux";
const hasRing = linux && choose("auto", probe()).name === "uring";
const cases: (readonly [EngineName, number])[] = [
  ["sockets", 1],
  ...(hasRing ? ([["uring", 2]] as const) : []),
  // The relay layer fails over, whoever carries it; `RINGWAY_STAGES=all` tries this one, too.
  ...(hasRing && process.env.RINGWAY_STAGES === "all" ? ([["uring", 1]] as const) : []),
];

const scenes = [killed, hung, restarted] as const;

describe.each(cases)("engine %s, %i workers", (engine, workers) => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open(engine, workers);
  }, 30_000);
  afterEach(async () => {
    await stage[Symbol.asyncDispose]();
  }, 30_000);

  test(
    "upstreams die, hang and restart, and nobody else notices",
    async () => {
      await stage.settle(RESIDENTS);
      const load = new ShortConnections(stage.address, CONNECTIONS_PER_SECOND);
      stage.load = load;
      const outcomes: Outcome[] = [];
      const until = performance.now() + MINUTES * 60_000;
      let round = 0;
      do {
        for (const [index, play] of scenes.entries()) {
          const redis = stage.redises[(index + round) % 3] as RedisProcess;
          outcomes.push(await play(stage, redis));
        }
        round++;
      } while (round < ROUNDS || performance.now() < until);
      await load.stop();
      for (const resident of stage.residents) resident.leave();
      const left = () => stage.views.map(({ running }) => running);
      await waitFor(
        () => left().every((one) => one === 0),
        () => `all relays are taken off the counts: ${left()}`,
      );
      expect(stage.running.engine.stats().relays.running).toBe(0);
      expect(stage.workersFailed).toEqual([]);
      if (MINUTES > 0) tell(`${engine}, ${workers} workers`, load, outcomes);
    },
    TIMEOUT_MS,
  );
});

/** Figures for whoever has asked for a long run. */
function tell(who: string, { made, failures, late }: ShortConnections, all: Outcome[]): void {
  const lines = [`${who}: ${made} connections, ${failures.length} failed, ${late.length} late`];
  for (const [what, plays] of Map.groupBy(all, (one) => one.what)) {
    const sum = (figure: (one: Outcome) => number) => plays.reduce((n, one) => n + figure(one), 0);
    const most = (figure: (one: Outcome) => number | null) =>
      Math.max(...plays.map((one) => Math.round(figure(one) ?? 0)));
    lines.push(
      `  ${what} ${plays.length} times, down after ${most((one) => one.fallMs)} ms at most:`,
      `    ${sum((one) => one.made)} connections, ` +
        `${sum((one) => one.failures)} failed, begun ${most((one) => one.lastFailureMs)} ms after it at most, ` +
        `${sum((one) => one.late)} late, begun ${most((one) => one.lastLateMs)} ms after it at most`,
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}
