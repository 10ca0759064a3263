import { type MemoryOptions, type UringOptions, uringDefaults } from "../../config/options.ts";
import { type EngineObserver, type EngineShare, wholeShare } from "../engine.ts";
import { workerProgram } from "../thread/programs.ts";
import { ThreadEngine } from "../thread/thread-engine.ts";

/** The engine on io_uring: a worker's thread runs the loop, as it never returns to an event loop. */
export class UringEngine extends ThreadEngine {
  constructor(
    memory: MemoryOptions,
    observer: EngineObserver,
    uring: UringOptions = uringDefaults,
    share: EngineShare = wholeShare,
    onFailed: (error: string) => void = throwLater,
    program: URL = workerProgram("uring"),
  ) {
    const birth = { memory, uring, share };
    super({ name: "uring", program, birth, isBlocking: true, onFailed }, observer);
  }
}

function throwLater(error: string): void {
  queueMicrotask(() => {
    throw new Error(error);
  });
}
