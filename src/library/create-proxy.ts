// For the package's declarations: their reader may have an older type library.
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
 * The configuration of a proxy, as in a file. `stats`, `verbose`, the access log, the admin server,
 * the user and `drainDelay` only concern the command line and have no effect here.
 */
export interface ProxyConfig extends Omit<Config, CommandLineOnly> {
  /**
   * Threads that relay, 1…256, or `"auto"` for one per CPU; several on Linux only. `0` runs the
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
  /** The addresses on which it accepts, as `host:port` or `unix:/path`, with the real ports. */
  readonly addresses: readonly string[];
  /** Figures as of now. Workers are not asked for them. */
  stats(): EngineStats;
  /**
   * The relays that run now, oldest first. Asks the workers, which takes some microseconds each. If
   * a worker does not answer within two seconds, its relays are missing.
   */
  relays(): Promise<RelaySummary[]>;
  /** Ends a relay now (`admin`), if it still runs. @param relay its `id` */
  cut(relay: number): void;
  /**
   * Applies another configuration: listeners come and go, and new relays get new options. Running
   * relays do not end, except those of a removed upstream if `onRemove` says so. A listener whose
   * `engine` is another one moves there. `workers`, `uring`, `dns…` and the memory settings cannot change.
   *
   * @returns what has changed, and what only a restart would change, in one line
   * @throws ConfigError if the configuration is invalid; then nothing has changed
   * @throws ListenError if it cannot listen on a new address; then nothing has changed
   * @throws StoppedError if it is stopping or has stopped; then nothing has changed
   */
  reload(config: ProxyConfig): Promise<string>;
  /**
   * Stops accepting, lets running relays finish for this time, and then cuts them.
   *
   * @param drainTimeout `"5s"`, or seconds; by default that of the configuration
   * @returns once no relay is left
   */
  stop(drainTimeout?: string | number): Promise<void>;
}

/**
 * Starts a proxy in this program.
 *
 * @returns the proxy, once all its listeners accept
 * @throws ConfigError with every mistake in the configuration
 * @throws ListenError if it cannot listen on an address
 * @throws EngineUnsupportedError if the requested engine cannot run here
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
