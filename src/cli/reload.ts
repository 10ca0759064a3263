import type { ConsolaInstance } from "consola/core";
import type { Admin } from "../admin/admin.ts";
import type { ReloadOutcome } from "../admin/context.ts";
import { ConfigError } from "../base/error.ts";
import type { EngineName } from "../config/options.ts";
import { proxyOptions, type Settings } from "../config/validate.ts";
import { NOT_APPLIED } from "../control/not-applied.ts";
import { describePlan, isEmpty, type Plan, restartsFor } from "../control/plan.ts";
import type { RunningProxy } from "../control/proxy.ts";
import { proxyChanges, type WholeProxy } from "../control/setting-changes.ts";
import { StoppedError } from "../control/stopped-error.ts";
import { PathWatcher } from "../system/watch-path.ts";
import { listeningLines } from "./announce.ts";
import { announceEngines } from "./announce-engines.ts";
import { checkUpstreams } from "./check-upstreams.ts";
import type { Embedded } from "./embedded.ts";
import type { SettingsSource } from "./settings-source.ts";
import { StartError, startError } from "./start-error.ts";
import type { ServiceManager } from "./systemd/notify.ts";

/** How long a file must not change before it is read: editors write in several steps. */
const SETTLE_MS = 100;
/** Why a stopping proxy does not reload. */
const STOPPING = "the proxy stops";

/** The parts of a run that a reload needs. */
interface Target {
  /** The settings that it was started with. */
  readonly settings: Settings;
  readonly log: Pick<ConsolaInstance, "debug" | "info" | "warn" | "error">;
  readonly proxy: RunningProxy;
  readonly embedded: Embedded;
  readonly manager: ServiceManager;
  readonly admin: Pick<Admin, "address"> | null;
}

/**
 * Reloads the settings of the running proxy: at SIGHUP, when the admin API is
 * asked, and when a watched file has changed. A wrong configuration changes nothing.
 */
export class Reloader {
  private watcher: PathWatcher | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private isOver = false;

  constructor(
    private readonly source: SettingsSource,
    private readonly target: Target,
  ) {}

  /** Reloads whenever the file has changed, if it is watched. */
  watch(): void {
    const { file, isWatched } = this.source;
    if (file === null || !isWatched) return;
    this.watcher = new PathWatcher([file], () => this.changed());
  }

  /** Refuses reloads from now on, because the proxy stops. */
  end(): void {
    this.isOver = true;
    this.watcher?.close();
    if (this.timer !== null) clearTimeout(this.timer);
  }

  /**
   * Reloads now, and logs the outcome.
   *
   * @param why who asked for it, for the log
   */
  async reload(why: string): Promise<ReloadOutcome> {
    const { log, manager, proxy } = this.target;
    const engines = new Set(proxy.engine.inUse.map(({ choice }) => choice.name));
    manager.reloading();
    try {
      const outcome = await this.attempt(() => this.apply());
      if ("plan" in outcome) this.tell(why, outcome.plan, engines);
      else {
        for (const sentence of outcome.problems) log.error(`reload: ${sentence}`);
        log.error(`${why}: ${NOT_APPLIED}`);
      }
      return outcome;
    } finally {
      manager.ready(proxy.status);
    }
  }

  /** What a reload would do now. */
  async plan(): Promise<ReloadOutcome> {
    const { admin, proxy, embedded } = this.target;
    return await this.attempt(async () => {
      const settings = await this.source.read();
      const plan = await proxy.plan(proxyOptions(settings, embedded.addresses, admin?.address));
      return this.withRestarts(plan, settings);
    });
  }

  private changed(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.reload("the file has changed"), SETTLE_MS);
  }

  private async apply(): Promise<Plan> {
    const { admin, proxy, embedded, log } = this.target;
    const settings = await this.source.read();
    const upstreams = await embedded.addressesFor(settings);
    const plan = await proxy.reload(proxyOptions(settings, upstreams, admin?.address));
    for (const sentence of settings.overrides) log.warn(sentence);
    void checkUpstreams(settings.listeners, proxy, log);
    return this.withRestarts(plan, settings);
  }

  /** Settings that are not the proxy's own stay as they are, too. */
  private withRestarts(plan: Plan, wanted: Settings): Plan {
    const changes = proxyChanges(beside(this.target.settings), beside(wanted));
    const settings = [...plan.settings, ...changes];
    return { ...plan, settings, needRestart: restartsFor(settings) };
  }

  private async attempt(work: () => Promise<Plan>): Promise<ReloadOutcome> {
    if (this.isOver) return { refused: "now", problems: [STOPPING] };
    try {
      return { plan: await work() };
    } catch (error) {
      return outcomeOf(startError(error));
    }
  }

  /** @param engines those that there were before */
  private tell(why: string, plan: Plan, engines: ReadonlySet<EngineName>): void {
    const { log, proxy } = this.target;
    log.info(`${why}: ${describePlan(plan)}`);
    announceEngines(log, proxy.engine.inUse, engines);
    if (!isEmpty(plan)) {
      const changed = plan.changed.map(({ after }) => after);
      const news = new Set([...plan.added, ...changed, ...plan.reopened]);
      const changedOnes = proxy.listeners.filter(({ options }) => news.has(options));
      const isOneOfSeveral = proxy.engine.inUse.length > 1;
      for (const line of listeningLines(changedOnes, isOneOfSeveral)) log.info(line);
    }
    if (plan.needRestart.length > 0) {
      log.warn(`${plan.needRestart.join(", ")}: a restart changes that, a reload does not`);
    }
  }
}

/** The settings of the program that are not options of the proxy. */
function beside(settings: Settings): WholeProxy {
  const own = Object.keys(proxyOptions(settings, []));
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !own.includes(name)));
}

/** The message of an expected failure; any other error is a defect and is thrown again. */
function outcomeOf(error: unknown): ReloadOutcome {
  if (error instanceof ConfigError) return { refused: "settings", problems: error.problems };
  // It would have been refused a moment later.
  if (error instanceof StoppedError) return { refused: "now", problems: [STOPPING] };
  if (error instanceof StartError) return { refused: "now", problems: [error.message] };
  throw error;
}
