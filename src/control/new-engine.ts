import type { ProxyOptions } from "../config/options.ts";
import type { MovableEngine } from "../engine/engine.ts";
import { type EngineChoice, EngineUnsupportedError } from "../engine/select.ts";
import { dialWindowMemory } from "../engine/sockets/dial-window.ts";
import { SocketsEngine } from "../engine/sockets/engine.ts";
import { ThreadEngine } from "../engine/thread/thread-engine.ts";
import type { Observer } from "../relay/observer.ts";
import type { EngineShare } from "../relay/share.ts";
import { usedDescriptors } from "../system/descriptors.ts";
import type { EngineChoices } from "./engine-choices.ts";
import { type EnginePlace, Engines } from "./engines.ts";
import { Fleet } from "./fleet.ts";
import type { Upstreams } from "./upstreams.ts";

/** Engines that one process may have. There is another one than sockets on Linux alone. */
export const ENGINES_MAX = process.platform === "linux" ? 2 : 1;

/** All engines of a proxy, of which there is none yet. */
export function newEngines(
  options: ProxyOptions,
  choices: EngineChoices,
  observer: Observer,
  upstreams: Upstreams,
): Engines {
  const workers = Math.max(1, options.workers);
  // Before there is any of them.
  const descriptors = usedDescriptors();
  return new Engines(
    {
      workers,
      newEngine: (choice, place, shared) =>
        newEngine(choice, { ...options, workers }, shared, upstreams, place, descriptors),
    },
    choices,
    observer,
  );
}

/**
 * Makes the chosen engine. A single worker of the sockets engine runs in the main thread, unless another
 * engine is there whose relays a defect would end, too; all others have threads.
 */
function newEngine(
  { name, uring }: EngineChoice,
  { workers, memory }: ProxyOptions,
  observer: Observer,
  { table, names: { resolve } }: Upstreams,
  { isAlone, workersBefore, firstRelay, sharing }: EnginePlace,
  used: number,
): MovableEngine {
  const known = { upstreams: table.memory, usedDescriptors: used, sharing };
  const shareOf = (worker: number): Pick<EngineShare, "place"> & typeof known => ({
    ...known,
    place: { worker: workersBefore + worker, workers: table.workers },
  });
  if (name === "sockets" && workers === 1 && isAlone) {
    const share = { engines: 1, first: firstRelay, ...shareOf(0) };
    return new SocketsEngine(memory, observer, resolve, share);
  }
  if (process.platform !== "linux") {
    throw new EngineUnsupportedError(`${workers} workers need Linux; on this system use one`);
  }
  const dials = dialWindowMemory();
  return new Fleet(
    {
      name,
      workers,
      workersBefore,
      firstRelay,
      newWorker: (share, shared, onFailed, onSilent) => {
        const own = shareOf((share.first - 1) % workers);
        const birth = { memory, uring, share: { ...share, ...own, dials } };
        return new ThreadEngine({ name, birth, onFailed, onSilent, resolve }, shared);
      },
    },
    observer,
  );
}
