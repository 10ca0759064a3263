import type { EngineName, MemoryOptions, UringOptions } from "../config/options.ts";
import type { Engine, EngineObserver } from "./engine.ts";
import { SocketsEngine } from "./sockets/engine.ts";
import { UringEngine } from "./uring/engine.ts";
import { fit } from "./uring/fit.ts";
import { probe } from "./uring/probe.ts";
import { obstacle, shortRelease, type UringReport } from "./uring/report.ts";

/** The engine that was asked for cannot run here; the message says why and what to do. */
export class EngineUnsupportedError extends Error {
  override readonly name = "EngineUnsupportedError";
}

/** An engine's name and why it was taken. */
export interface Choice {
  readonly name: EngineName;
  /** One line for the log. */
  readonly why: string;
  /** `auto` had to do without the engine that it would have taken on this system. */
  readonly fellBack: boolean;
}

/** An engine and why it was taken. */
export interface EngineChoice extends Omit<Choice, "name"> {
  readonly engine: Engine;
  /** What of its options had to be replaced, one line each. */
  readonly notes: readonly string[];
}

/**
 * Makes the engine that was asked for, or the best one that can run here.
 *
 * @throws EngineUnsupportedError when the one that was asked for cannot
 */
export function selectEngine(
  wanted: "auto" | EngineName,
  memory: MemoryOptions,
  uring: UringOptions,
  observer: EngineObserver,
): EngineChoice {
  const sockets = (why: string, fellBack: boolean) => {
    return { engine: new SocketsEngine(memory, observer), why, fellBack, notes: [] };
  };
  if (wanted === "sockets") return sockets("as asked for", false);
  const report = probe(uring.entries);
  const { name, why, fellBack } = choose(wanted, report);
  if (name === "sockets") return sockets(why, fellBack);
  const { options, notes } = fit(uring, report);
  return { engine: new UringEngine(memory, observer, options), why, fellBack, notes };
}

/**
 * Which engine is taken where io_uring is as the report says.
 *
 * @throws EngineUnsupportedError when uring was asked for and cannot run
 */
export function choose(wanted: "auto" | "uring", report: UringReport): Choice {
  const missing = obstacle(report);
  if (missing === null) {
    const all = `io_uring of Linux ${shortRelease(report.release)}: all that is needed is here`;
    return { name: "uring", why: wanted === "uring" ? "as asked for" : all, fellBack: false };
  }
  if (wanted === "uring") {
    throw new EngineUnsupportedError(`engine uring: ${missing.found}; ${missing.remedy}`);
  }
  const isLinux = report.release !== "";
  return { name: "sockets", why: missing.found, fellBack: isLinux };
}
