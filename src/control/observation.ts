import { type LoopClock, systemClock } from "../base/clock.ts";
import type { AccessLogOptions } from "../config/options.ts";
import type { AccessLog } from "../observe/access-log/access-log.ts";
import { Latencies } from "../observe/latencies.ts";
import type { Logger } from "../observe/log.ts";
import type { Exposition, UpstreamFigures } from "../observe/metrics/figures.ts";
import type { Metrics } from "../observe/metrics/metrics.ts";
import { WaitingLines } from "../observe/waiting-lines.ts";
import { hearing, type Observer, together } from "../relay/observer.ts";
import type { Engines } from "./engines.ts";

/**
 * How often is looked whether clients wait, and how many times as long as that has taken, at least.
 */
const LOOK_MS = 500;
const LOOK_SHARE = 100;

/** What is looked at of engines. */
type Observed = Pick<Engines, "name" | "inUse" | "stats" | "relays">;

/** What is to be seen of a proxy. */
export interface ObservationOptions {
  readonly accessLog: AccessLogOptions | null;
  /** Whether somebody may ask for metrics and latencies. */
  readonly metrics: boolean;
  readonly log: Logger;
  /** Lines of the log that could not be written. */
  readonly logLines: { readonly dropped: number };
  /** The program's, for the metrics. */
  readonly version: string;
  /** Whoever else wants to know what the engine tells. */
  readonly others: readonly Observer[];
}

/**
 * What is written down and counted of a proxy's relays: its access log and its metrics. It is there
 * before the proxy, which is given its {@link observer}, and ends after it.
 */
export class Observation {
  /** For the engine. */
  readonly observer: Observer;
  /** Of the relays that ended last; always empty where nobody may ask. */
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

  /** Opens the access log. @throws TargetError when that cannot be */
  static async start(
    options: ObservationOptions,
    clock: LoopClock = systemClock,
  ): Promise<Observation> {
    const { accessLog: wanted, metrics: wantsMetrics, log } = options;
    const accessLog = wanted === null ? null : await openAccessLog(wanted, log);
    return new Observation(options, accessLog, wantsMetrics ? await loadMetrics() : null, clock);
  }

  /** The proxy accepts. */
  accepts(engine: Observed): void {
    this.engine = engine;
    this.accessLog?.watch(engine);
    this.look(engine);
  }

  /** Nobody tells of clients that wait but figures, which take their time where there are many. */
  private look(engine: Observed): void {
    const begunAt = this.clock.now();
    this.waiting.look(engine.stats().listeners, begunAt);
    const pauseMs = Math.max(LOOK_MS, LOOK_SHARE * (this.clock.now() - begunAt));
    this.nextLook = this.clock.after(pauseMs, () => this.look(engine));
  }

  /** Opens files anew that somebody may have moved away. */
  reopen(): void {
    this.accessLog?.reopen();
  }

  /**
   * The metrics as of now; null before the proxy accepts, or where nobody was to ask.
   *
   * @param isStopping it accepts no more
   * @param upstreams as they stand
   */
  async expose(
    isStopping: boolean,
    upstreams: readonly UpstreamFigures[],
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
      accepts: !isStopping,
      accessLog: accessLog?.writer ?? null,
      logLinesDropped: options.logLines.dropped,
    };
    const names = inUse.map(({ choice }) => choice.name).join() || engine.name;
    const text = await metrics.text(snapshot, { version: options.version, engine: names });
    return { text, contentType: metrics.contentType };
  }

  /** The proxy is over: what waits for the access log gets so much time. */
  async close(withinMs: number): Promise<void> {
    this.nextLook();
    await this.accessLog?.close(withinMs);
  }
}

// Both are loaded only where they are wanted: a plain start does without.

async function openAccessLog(options: AccessLogOptions, log: Logger): Promise<AccessLog> {
  const { AccessLog } = await import("../observe/access-log/access-log.ts");
  return await AccessLog.open(options, log);
}

async function loadMetrics(): Promise<Metrics> {
  const { Metrics } = await import("../observe/metrics/metrics.ts");
  return new Metrics();
}
