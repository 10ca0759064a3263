import type { Address, ProxyOptions } from "../config/options.ts";
import type { Engine, EngineObserver } from "../engine/engine.ts";
import { selectEngine } from "../engine/select.ts";

/** A proxy that accepts and relays until it is stopped. */
export interface Proxy {
  readonly engine: Engine;
  /** Which engine runs and why, in one line. */
  readonly engineChoice: string;
  /** The engine that `auto` takes on this system cannot run here. */
  readonly engineFellBack: boolean;
  /** What of the engine's options had to be replaced, one line each. */
  readonly engineNotes: readonly string[];
  /** The addresses that are accepted on, in the order of the options, with their real ports. */
  readonly addresses: readonly Address[];
  /** Stops accepting and lets relays finish; see {@link Engine.stop}. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/**
 * Starts a proxy. All its listeners accept when the promise resolves; when it rejects, none does.
 *
 * @throws ListenError when an address cannot be listened on
 * @throws EngineUnsupportedError when the engine that was asked for cannot run here
 */
export async function startProxy(options: ProxyOptions, observer: EngineObserver): Promise<Proxy> {
  const choice = selectEngine(options.engine, options.memory, options.uring, observer);
  const { engine } = choice;
  const addresses: Address[] = [];
  try {
    for (const listener of options.listeners) addresses.push(await engine.listen(listener));
  } catch (error) {
    await engine.stop(0);
    throw error;
  }
  return {
    engine,
    engineChoice: `${engine.name} (${choice.why})`,
    engineFellBack: choice.fellBack,
    engineNotes: choice.notes,
    addresses,
    stop: (drainTimeoutMs) => engine.stop(drainTimeoutMs),
  };
}
