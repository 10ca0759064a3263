import type { EngineName, UringOptions, WantedListener } from "../config/options.ts";
import { fit } from "./uring/fit.ts";
import { probe } from "./uring/probe.ts";
import { obstacle, shortRelease, type UringReport } from "./uring/report.ts";

/** The requested engine cannot run here. The message says why and what to do. */
export class EngineUnsupportedError extends Error {
  override readonly name = "EngineUnsupportedError";
}

/** An engine's name and why it was chosen. */
export interface Choice {
  readonly name: EngineName;
  readonly why: string;
  /** `auto` could not use the engine that it prefers on this system. */
  readonly fellBack: boolean;
}

/** An engine and its options here. */
export interface EngineChoice extends Choice {
  /** The requested options, as far as this kernel supports them. */
  readonly uring: UringOptions;
  /** Options that had to be replaced, one line each. */
  readonly notes: readonly string[];
}

/** What a setting `engine` may say. */
export type WantedEngine = WantedListener["engine"];

/** What of a listener decides about its engine. */
export type Carried = Pick<WantedListener, "engine" | "tls" | "upstreamTls" | "upstreams">;

/** Whether TLS ends at a listener, or begins at one of its upstreams: only the sockets engine has it. */
export function needsSockets({ tls, upstreamTls, upstreams }: Carried): boolean {
  const ofUpstreams = [upstreamTls, ...upstreams.map((one) => one.tls ?? null)];
  return tls !== null || ofUpstreams.some((one) => one !== null);
}

/**
 * The engine that carries a listener. This is the one place that says so.
 *
 * @param chosen the engine that is taken for what the listener's setting says; throws where that one
 *   cannot run here
 */
export function carrierOf(
  listener: Carried,
  chosen: (wanted: WantedEngine) => EngineName,
): EngineName {
  return needsSockets(listener) ? "sockets" : chosen(listener.engine);
}

/**
 * Chooses the requested engine, or the best one that can run here.
 *
 * @throws EngineUnsupportedError if the requested engine cannot run
 */
export function selectEngine(wanted: WantedEngine, uring: UringOptions): EngineChoice {
  if (wanted === "sockets") {
    return { name: wanted, why: "as asked for", fellBack: false, uring, notes: [] };
  }
  const report = probe(uring.entries);
  const choice = choose(wanted, report);
  if (choice.name === "sockets") return { ...choice, uring, notes: [] };
  const { options, notes } = fit(uring, report);
  return { ...choice, uring: options, notes };
}

/**
 * Chooses an engine according to a report on io_uring.
 *
 * @throws EngineUnsupportedError if uring was requested and cannot run
 */
export function choose(wanted: "auto" | "uring", report: UringReport): Choice {
  const missing = obstacle(report);
  if (missing === null) {
    const all = `supported by Linux ${shortRelease(report.release)}`;
    return { name: "uring", why: wanted === "uring" ? "as asked for" : all, fellBack: false };
  }
  if (wanted === "uring") {
    throw new EngineUnsupportedError(`engine uring: ${missing.found}; ${missing.remedy}`);
  }
  const isLinux = report.release !== "";
  return { name: "sockets", why: missing.found, fellBack: isLinux };
}
