import { availableParallelism } from "node:os";
import type { EngineName } from "../../config/options.ts";
import { choose } from "../../engine/select.ts";
import { canListen } from "../../engine/sockets/can-listen.ts";
import { probe } from "../../engine/uring/probe.ts";
import { type Check, obstacle } from "../../engine/uring/report.ts";
import { kernelRelease, readText } from "../../system/system.ts";
import { version } from "../program.ts";
import { type LimitFinding, limits } from "./limits.ts";

/** Everything that `ringway doctor` found. `--json` prints it, so the names must stay. */
export interface Findings {
  readonly version: string;
  readonly bun: string;
  readonly platform: string;
  readonly kernel: string | null;
  /** Processors that this process may use. */
  readonly cpus: number;
  /** The engine that `--engine auto` takes; null if none can run. */
  readonly engine: EngineName | null;
  readonly why: string;
  /** What to do so that `auto` can take io_uring; empty if it does. */
  readonly remedy: string;
  readonly sockets: { readonly ok: boolean; readonly found: string };
  readonly uring: { readonly ok: boolean; readonly checks: readonly Check[] };
  readonly limits: readonly LimitFinding[];
}

/** Examines this machine: tries both engines and reads the limits. Leaves nothing behind. */
export function examine(): Findings {
  const report = probe();
  const missing = obstacle(report);
  const { name, why } = choose("auto", report);
  const failure = canListen();
  const sockets = failure === null ? "Bun's sockets work" : `Bun cannot listen: ${failure}`;
  const isNone = name === "sockets" && failure !== null;
  return {
    version,
    bun: Bun.version,
    platform: `${process.platform} ${process.arch}`,
    kernel: kernelRelease(readText),
    cpus: availableParallelism(),
    engine: isNone ? null : name,
    why: isNone ? `${why}; ${sockets}` : why,
    remedy: missing?.remedy ?? "",
    sockets: { ok: failure === null, found: sockets },
    uring: { ok: missing === null, checks: report.checks },
    limits: process.platform === "linux" ? limits(readText) : [],
  };
}
