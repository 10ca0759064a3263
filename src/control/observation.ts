import type { AccessLogOptions, Address } from "../config/options.ts";
import type { Engine, EngineObserver } from "../engine/engine.ts";
import type { AccessLog } from "../observe/access-log/access-log.ts";
import type { Logger } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics/metrics.ts";
import { together } from "../observe/together.ts";
import type { AdminServer } from "./admin/server.ts";

/** What is to be seen of a proxy. */
export interface ObservationOptions {
  readonly accessLog: AccessLogOptions | null;
  /** Where the admin server listens. */
  readonly admin: Address | null;
  readonly log: Logger;
  /** The program's, for the metrics. */
  readonly version: string;
  /** Whoever else wants to know what the engine tells. */
  readonly others: readonly Partial<EngineObserver>[];
}

/**
 * What lets others see what a proxy does: its access log, its metrics and the admin server that
 * has them. It is there before the proxy, which is given its {@link observer}, and ends after it.
 */
export class Observation {
  /** For the engine. */
  readonly observer: EngineObserver;
  private engine: Engine | null = null;
  private isDraining = false;
  private admin: AdminServer | null = null;

  private constructor(
    private readonly options: ObservationOptions,
    private readonly accessLog: AccessLog | null,
    metrics: Metrics | null,
  ) {
    const known = [accessLog, metrics].filter((one) => one !== null);
    this.observer = together([...options.others, ...known]);
  }

  /**
   * Opens the access log and starts the admin server.
   *
   * @throws TargetError when the access log cannot be opened
   * @throws ListenError when the admin server cannot listen; nothing is open then
   */
  static async start(options: ObservationOptions): Promise<Observation> {
    const { accessLog: wanted, admin, log } = options;
    const accessLog = wanted === null ? null : await openAccessLog(wanted, log);
    const metrics = admin === null ? null : await loadMetrics();
    const observation = new Observation(options, accessLog, metrics);
    try {
      if (admin !== null && metrics !== null) await observation.serve(admin, metrics);
    } catch (error) {
      await observation.close(0);
      throw error;
    }
    return observation;
  }

  /** Where the admin server really listens; null when there is none. */
  get adminAddress(): Address | null {
    return this.admin?.address ?? null;
  }

  /** Whether there is something that {@link reopen} opens anew. */
  get canReopen(): boolean {
    const target = this.options.accessLog?.target;
    return target !== undefined && target !== "stdout";
  }

  /** The proxy accepts. */
  accepts(engine: Engine): void {
    this.engine = engine;
    this.accessLog?.watch(engine);
  }

  /** The proxy accepts no more, and waits for its relays. */
  drains(): void {
    this.isDraining = true;
  }

  /** Opens files anew that somebody may have moved away. */
  reopen(): void {
    this.accessLog?.reopen();
  }

  /** The proxy is over: what waits for the access log gets so much time. */
  async close(withinMs: number): Promise<void> {
    await this.accessLog?.close(withinMs);
    await this.admin?.stop();
  }

  private async serve(address: Address, metrics: Metrics): Promise<void> {
    const { startAdmin } = await import("./admin/server.ts");
    this.admin = await startAdmin(address, {
      metrics: () => this.expose(metrics),
      readiness: () => {
        if (this.engine === null) return { isReady: false, word: "starting" };
        return this.isDraining
          ? { isReady: false, word: "draining" }
          : { isReady: true, word: "ready" };
      },
      failed: (error) => this.options.log.warn(`admin server: ${String(error)}`),
    });
  }

  private async expose(metrics: Metrics) {
    const { engine, accessLog, isDraining } = this;
    if (engine === null) return null;
    const snapshot = {
      stats: engine.stats(),
      accepts: !isDraining,
      accessLog: accessLog?.writer ?? null,
    };
    const text = await metrics.text(snapshot, {
      version: this.options.version,
      engine: engine.name,
    });
    return { text, contentType: metrics.contentType };
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
