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

/** Describes what holds on every stage. */
export function onEveryStage(name: string, body: (stage: Stage) => void): void {
  for (const stage of stages) describe(titleOf(name, stage), () => body(stage));
}

/**
 * The same for tests that wait for most of their time, each with a process of its own: they run beside
 * each other, and share nothing that one of them changes.
 */
export function onEveryStageAtOnce(name: string, body: (stage: Stage) => void): void {
  for (const stage of stages) describe.concurrent(titleOf(name, stage), () => body(stage));
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
