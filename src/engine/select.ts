import type { EngineName, MemoryOptions, UringOptions } from "../config/options.ts";
import type { Engine, EngineObserver } from "./engine.ts";
import { SocketsEngine } from "./sockets/engine.ts";
import { UringEngine } from "./uring/engine.ts";
import { obstacleToUring } from "./uring/obstacle.ts";

/** The engine that was asked for cannot run here; the message says why and what to do. */
export class EngineUnsupportedError extends Error {
  override readonly name = "EngineUnsupportedError";
}

/** An engine and why it was taken. */
export interface EngineChoice {
  readonly engine: Engine;
  /** One line for the log. */
  readonly why: string;
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
  if (wanted === "uring") {
    const obstacle = obstacleToUring(uring);
    if (obstacle !== null) throw new EngineUnsupportedError(`engine uring: ${obstacle}`);
    return { engine: new UringEngine(memory, observer, uring), why: "as asked for" };
  }
  const why = wanted === "auto" ? "the default; io_uring is --engine uring" : "as asked for";
  return { engine: new SocketsEngine(memory, observer), why };
}
