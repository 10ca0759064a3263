import type { ProxyOptions } from "../config/options.ts";
import type { Engine } from "../engine/engine.ts";
import { type EngineChoice, EngineUnsupportedError } from "../engine/select.ts";
import { dialWindowMemory } from "../engine/sockets/dial-window.ts";
import { SocketsEngine } from "../engine/sockets/engine.ts";
import { ThreadEngine } from "../engine/thread/thread-engine.ts";
import type { Observer } from "../relay/observer.ts";
import { wholeShare } from "../relay/share.ts";
import { usedDescriptors } from "../system/descriptors.ts";
import { Fleet } from "./fleet.ts";
import type { Upstreams } from "./upstreams.ts";

/**
 * Makes the chosen engine. A single worker of the sockets engine runs in the main thread; all
 * others have threads.
 */
export function newEngine(
  { name, uring }: EngineChoice,
  { workers, memory }: ProxyOptions,
  observer: Observer,
  { table, names }: Upstreams,
): Engine {
  const upstreams = table.memory;
  const known = { upstreams, usedDescriptors: usedDescriptors() };
  if (name === "sockets" && workers === 1) {
    return new SocketsEngine(memory, observer, names.resolve, { ...wholeShare, ...known });
  }
  if (process.platform !== "linux") {
    throw new EngineUnsupportedError(`${workers} workers need Linux; on this system use one`);
  }
  const dials = dialWindowMemory();
  return new Fleet(
    {
      name,
      workers,
      newWorker: (share, shared, onFailed, onSilent) => {
        const birth = { memory, uring, share: { ...share, ...known, dials } };
        const { resolve } = names;
        return new ThreadEngine({ name, birth, onFailed, onSilent, resolve }, shared);
      },
    },
    observer,
  );
}
