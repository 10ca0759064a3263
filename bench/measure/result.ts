import type { FigureName, Figures } from "./figures.ts";
import type { Machine } from "./machine.ts";

/** `smoke` proves that everything works, in seconds; `full` measures. */
export type Form = "smoke" | "full";

/** A whole run, as in its JSON file. */
export interface RunResult {
  /** Counted up when an older reader would misread the file. */
  readonly format: 1;
  readonly startedAt: string;
  readonly seconds: number;
  readonly form: Form;
  readonly rounds: number;
  readonly durationMs: number;
  readonly machine: Machine;
  readonly proxies: readonly ProxyResult[];
  /** What was requested but is not installed, and how to get it. */
  readonly missing: readonly { readonly name: string; readonly why: string }[];
  readonly scenarios: readonly ScenarioResult[];
}

/** A proxy that took part. */
export interface ProxyResult {
  readonly name: string;
  readonly isOurs: boolean;
  readonly version: string;
}

/** A scenario with every one of its rounds, the warm-up excepted. */
export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  /** What the scenario found out before its rounds, such as the rate it chose. */
  readonly note: string | null;
  /** The figures that matter most here. */
  readonly shown: readonly FigureName[];
  readonly rounds: readonly RoundResult[];
}

/** One round of one proxy. */
export interface RoundResult {
  readonly proxy: string;
  /** From 1; 0 was the warm-up. */
  readonly round: number;
  /** Empty when it failed. */
  readonly figures: Figures;
  /** Why the round counts for nothing, such as a wrong byte; null when all was right. */
  readonly failure: string | null;
}
