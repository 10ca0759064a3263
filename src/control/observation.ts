import { type LoopClock, systemClock } from "../base/clock.ts";
import type { AccessLogOptions } from "../config/options.ts";
import type { AccessLog } from "../observe/access-log/access-log.ts";
import { Latencies } from "../observe/latencies.ts";
import type { Logger } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics/metrics.ts";
import type { Exposition, Snapshot } from "../observe/metrics/snapshot.ts";
import { WaitingLines } from "../observe/waiting-lines.ts";
import { hearing, type Observer, together } from "../relay/observer.ts";
import type { Engines } from "./engines.ts";

/** How often to look for waiting clients. */
const LOOK_MS = 500;
/** The pause after a look is at least this many times as long as the look. */
const LOOK_SHARE = 100;

/** The part of the engines that is observed. */
type Observed = Pick<Engines, "name" | "inUse" | "stats" | "relays">;

/** How to observe a proxy. */
export interface ObservationOptions {
  readonly accessLog: AccessLogOptions | null;
  /** Whether anyone can ask for metrics and latencies. */
  readonly metrics: boolean;
  readonly log: Logger;
  /** The number of log lines that could not be written. */
  readonly logLines: { readonly dropped: number };
  /** The program's version, for the metrics. */
  readonly version: string;
  /** Further observers of the engine. */
  readonly others: readonly Observer[];
}

/**
 * The access log and the metrics of a proxy. It exists before the proxy, which gets its
 * {@link observer}, and ends after it.
 */
export class Observation {
  /** For the engine. */
  readonly observer: Observer;
  /** Latencies of recent relays; always empty without metrics. */
  readonly latencies = new Latencies();
  private engine: Observed | null = null;
  private readonly waiting: WaitingLines;
  private nextLook = () => {};

  private constructor(
    private readonly options: ObservationOptions,
    private readonly accessLog: AccessLog | null,
    private readonly metrics: Metrics | null,
    private readonly clock: LoopClock,
  ) {
    this.waiting = new WaitingLines(options.log);
    const latencies = options.metrics ? this.latencies : null;
    const known = [accessLog, metrics, latencies].filter((one) => one !== null);
    this.observer = together([...options.others, ...known.map(hearing)]);
  }

  /** Opens the access log. @throws TargetError if that fails */
  static async start(
    options: ObservationOptions,
    clock: LoopClock = systemClock,
  ): Promise<Observation> {
    const { accessLog: wanted, metrics: wantsMetrics, log } = options;
    const accessLog = wanted === null ? null : await openAccessLog(wanted, log);
    return new Observation(options, accessLog, wantsMetrics ? await loadMetrics() : null, clock);
  }

  /** Starts observing engines that accept. */
  accepts(engine: Observed): void {
    this.engine = engine;
    this.accessLog?.watch(engine);
    this.look(engine);
  }

  /** Reports waiting clients. Only the figures show them, and many figures take a while to read. */
  private look(engine: Observed): void {
    const begunAt = this.clock.now();
    this.waiting.look(engine.stats().listeners, begunAt);
    const pauseMs = Math.max(LOOK_MS, LOOK_SHARE * (this.clock.now() - begunAt));
    this.nextLook = this.clock.after(pauseMs, () => this.look(engine));
  }

  /** Reopens files that somebody may have moved. */
  reopen(): void {
    this.accessLog?.reopen();
  }

  /**
   * The current metrics; null before the proxy accepts, or without metrics.
   *
   * @param isStopping whether it has stopped accepting
   */
  async expose(
    isStopping: boolean,
    { upstreams, certificates }: Pick<Snapshot, "upstreams" | "certificates">,
  ): Promise<Exposition | null> {
    const { engine, metrics, accessLog, options } = this;
    if (engine === null || metrics === null) return null;
    const { inUse } = engine;
    const snapshot = {
      stats: engine.stats(),
      engines: inUse.map(({ choice: { name }, listeners, stats: { relays } }) => {
        return { name, listeners, relays };
      }),
      upstreams,
      certificates,
      accepts: !isStopping,
      accessLog: accessLog?.writer ?? null,
      logLinesDropped: options.logLines.dropped,
    };
    const names = inUse.map(({ choice }) => choice.name).join() || engine.name;
    const text = await metrics.text(snapshot, { version: options.version, engine: names });
    return { text, contentType: metrics.contentType };
  }

  /** Ends the observation. Pending lines of the access log get this much time. */
  async close(withinMs: number): Promise<void> {
    this.nextLook();
    await this.accessLog?.close(withinMs);
  }
}

// Both are loaded only if they are wanted, so that other starts are faster.

async function openAccessLog(options: AccessLogOptions, log: Logger): Promise<AccessLog> {
  const { AccessLog } = await import("../observe/access-log/access-log.ts");
  return await AccessLog.open(options, log);
}

async function loadMetrics(): Promise<Metrics> {
  const { Metrics } = await import("../observe/metrics/metrics.ts");
  return new Metrics();
}
