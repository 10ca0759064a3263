// For the declarations of the package: whoever reads them may have an older library of types.
/// <reference lib="esnext.disposable" preserve="true" />

import { formatAddress } from "../base/address.ts";
import type { Config } from "../config/config.ts";
import { readDocument } from "../config/document.ts";
import type { EngineName, ProxyOptions } from "../config/options.ts";
import { duration } from "../config/rule.ts";
import { Problems } from "../config/sourced.ts";
import { proxyOptions, validate } from "../config/validate.ts";
import { describePlan } from "../control/plan.ts";
import { RunningProxy } from "../control/proxy.ts";
import type { EngineStats, RelaySummary } from "../relay/ledger/stats.ts";
import { type ProxyEvents, passedOnTo } from "./events.ts";

type CommandLineOnly =
  | "workers"
  | "stats"
  | "verbose"
  | "admin"
  | "adminToken"
  | "adminReadToken"
  | "readyWhen"
  | "user"
  | "group"
  | "drainDelay"
  | "accessLog"
  | "accessLogStarts"
  | "accessLogEvery";

/**
 * What a proxy is made of: a configuration as in a file. `stats`, `verbose`, the access log, the
 * admin server, the user and `drainDelay` are the command line's business and change nothing here.
 */
export interface ProxyConfig extends Omit<Config, CommandLineOnly> {
  /**
   * Threads that relay, 1…256, or `"auto"` for one per processor; several on Linux only. `0` runs the
   * sockets engine in the caller's own event loop, whatever `engine` says. @default 1
   */
  readonly workers?: number | "auto";
}

/** A proxy that runs inside this program. `await using` stops it at the end of the block. */
export interface Proxy extends AsyncDisposable {
  /** The engine of the first listener. */
  readonly engine: EngineName;
  /** All engines that carry listeners, and why those, in one line. */
  readonly engineChoice: string;
  /** Where clients are accepted, as `host:port` or `unix:/path`, with the ports that were picked. */
  readonly addresses: readonly string[];
  /** Figures as of now. No worker is asked for them. */
  stats(): EngineStats;
  /**
   * The relays that run now, oldest first. Asks the workers, which takes some microseconds each; one that
   * stands still is not waited for longer than two seconds, and its relays are missing then.
   */
  relays(): Promise<RelaySummary[]>;
  /** Ends a relay now (`admin`), if it still runs. @param relay its `id` */
  cut(relay: number): void;
  /**
   * Brings the proxy to another configuration: listeners come and go, and new relays get new options.
   * No relay ends, but where `onRemove` ends those of an upstream that goes. A
   * listener whose `engine` is another one moves there. `workers`, `uring`, `dns…` and the memory stay as they are.
   *
   * @returns what has changed, and what only a restart would change, in one line
   * @throws ConfigError when it is not right; then nothing has changed
   * @throws ListenError when a new address cannot be listened on; then nothing has changed
   * @throws StoppedError when it stops, or has stopped; then nothing has changed
   */
  reload(config: ProxyConfig): Promise<string>;
  /**
   * Stops accepting, lets running relays finish for so long, and then cuts them.
   *
   * @param drainTimeout `"5s"`, or seconds; unless given, that of the configuration
   * @returns when no relay is left
   */
  stop(drainTimeout?: string | number): Promise<void>;
}

/**
 * Starts a proxy in this program.
 *
 * @returns it, when all its listeners accept
 * @throws ConfigError with all that is wrong with the configuration
 * @throws ListenError when an address cannot be listened on
 * @throws EngineUnsupportedError when the engine that was asked for cannot run here
 *
 * @example
 *     await using proxy = await createProxy({ listen: "127.0.0.1:0", upstream: "127.0.0.1:6379" });
 *     console.log(`try: redis-cli -p ${proxy.addresses[0]?.split(":").at(-1)} ping`);
 */
export async function createProxy(config: ProxyConfig, events: ProxyEvents = {}): Promise<Proxy> {
  const running = await RunningProxy.start(optionsOf(config), passedOnTo(events));
  return new LibraryProxy(running);
}

class LibraryProxy implements Proxy {
  private stopped: Promise<void> | null = null;

  constructor(private readonly running: RunningProxy) {}

  get engine(): EngineName {
    return this.running.engine.name;
  }
  get engineChoice(): string {
    return this.running.engineChoice;
  }
  get addresses(): readonly string[] {
    return this.running.listeners.map(({ address }) => formatAddress(address));
  }
  stats(): EngineStats {
    return this.running.engine.stats();
  }
  relays(): Promise<RelaySummary[]> {
    return this.running.engine.relays();
  }
  cut(relay: number): void {
    this.running.engine.cut(relay);
  }
  async reload(config: ProxyConfig): Promise<string> {
    const plan = await this.running.reload(optionsOf(config));
    const { needRestart } = plan;
    const rest = needRestart.length === 0 ? "" : `; a restart changes ${needRestart.join(", ")}`;
    return describePlan(plan) + rest;
  }
  stop(drainTimeout?: string | number): Promise<void> {
    const ms =
      drainTimeout === undefined ? this.running.options.drainTimeoutMs : anyTime(drainTimeout);
    this.stopped = this.running.stop(ms).then(() => {});
    return this.stopped;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.stopped ?? this.stop());
  }
}

const anyTime = duration("0…24h");

function optionsOf({ workers, ...config }: ProxyConfig): ProxyOptions {
  const problems = new Problems();
  const isInside = workers === 0;
  const document = isInside ? config : { ...config, ...(workers === undefined ? {} : { workers }) };
  const source = readDocument(document, "config", null, problems);
  const settings = validate({}, source, problems);
  const options = proxyOptions(settings, []);
  if (!isInside) return options;
  const listeners = options.listeners.map((one) => ({ ...one, engine: "sockets" as const }));
  return { ...options, listeners, workers: 1 };
}
