import { describe } from "bun:test";
import type { EngineName } from "../../src/config/options.ts";
import { choose } from "../../src/engine/select.ts";
import { probe } from "../../src/engine/uring/probe.ts";
import { CliProcess } from "../fixtures/cli-process.ts";

/** What a hostile test runs against: an engine, and how many workers relay as one. */
export interface Stage {
  readonly engine: EngineName;
  readonly workers: 1 | 2;
}

const isLinux = process.platform === "linux";

/** The engines of this machine, each with one worker and with two, which only Linux can spread. */
export const stages: readonly Stage[] = isLinux
  ? [...new Set(["sockets" as const, choose("auto", probe()).name])].flatMap((engine) => [
      { engine, workers: 1 as const },
      { engine, workers: 2 as const },
    ])
  : [];

/** Describes what holds on every stage, each of which may meet it differently. */
export function onEveryStage(name: string, body: (stage: Stage) => void): void {
  for (const stage of stages) describe(titleOf(name, stage), () => body(stage));
}

/**
 * Describes what the control plane and the relay layer decide, and any stage just carries out: each engine is
 * tried, and each number of workers. Which goes with which depends on the name, so that all of them meet some of
 * it; `RINGWAY_STAGES=all` tries all of it on each.
 */
export function onBothEngines(name: string, body: (stage: Stage) => void): void {
  for (const stage of half(name)) describe(titleOf(name, stage), () => body(stage));
}

/**
 * The same for tests that wait for most of their time, each with a process of its own: they run beside
 * each other, and share nothing that one of them changes.
 */
export function onBothEnginesAtOnce(name: string, body: (stage: Stage) => void): void {
  for (const stage of half(name)) describe.concurrent(titleOf(name, stage), () => body(stage));
}

/** One of the two halves of the stages that have each engine and each number of workers. */
function half(name: string): readonly Stage[] {
  if (process.env.RINGWAY_STAGES === "all") return stages;
  const [first] = stages;
  return stages.filter(
    ({ engine, workers }) =>
      ((engine === first?.engine) === (workers === 1)) === name.length % 2 > 0,
  );
}

function titleOf(name: string, { engine, workers }: Stage): string {
  return `${name}: ${engine}, ${workers} worker${workers === 1 ? "" : "s"}`;
}

/**
 * The program on a stage, in a process of its own.
 *
 * @param args flags beside the engine and the workers; a listener is among them
 * @param before a command to start it with, such as prlimit
 */
export function startOn(
  { engine, workers }: Stage,
  args: readonly string[],
  before: readonly string[] = [],
): CliProcess {
  return new CliProcess(["-e", engine, "--workers", String(workers), ...args], before);
}
