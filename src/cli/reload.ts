import { type FSWatcher, watch as watchFolder } from "node:fs";
import { basename, dirname } from "node:path";
import type { ConsolaInstance } from "consola/core";
import { ConfigError } from "../config/error.ts";
import { proxyOptions } from "../config/validate.ts";
import { describePlan, isEmpty, type Plan } from "../control/plan.ts";
import type { RunningProxy } from "../control/proxy.ts";
import { listeningLine } from "./announce.ts";
import { checkUpstreams } from "./check-upstreams.ts";
import type { Embedded } from "./embedded.ts";
import type { SettingsSource } from "./run.ts";
import { StartError, startError } from "./start-error.ts";
import type { ServiceManager } from "./systemd/notify.ts";

/** A file is read when it has been left alone for so long: editors write in several steps. */
const SETTLE_MS = 100;

/** What a reload works on. */
interface Target {
  readonly log: Pick<ConsolaInstance, "info" | "warn" | "error">;
  readonly proxy: RunningProxy;
  readonly embedded: Embedded;
  readonly manager: ServiceManager;
}

/**
 * Reads the settings anew and brings the running proxy to them: at SIGHUP, and when the file has
 * changed if it is watched. What is wrong changes nothing.
 */
export class Reloader {
  private watcher: FSWatcher | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly source: SettingsSource,
    private readonly target: Target,
  ) {}

  /** Reloads whenever the file has changed, if that is wanted. */
  watch(): void {
    const { file, isWatched } = this.source;
    if (file === null || !isWatched) return;
    // The folder and not the file: editors and deployments put another file in its place.
    const name = basename(file);
    this.watcher = watchFolder(dirname(file), (_, changed) => {
      if (changed === null || changed === name || isLinkOfDeployment(changed)) this.changed();
    });
  }

  /** Watches no longer. */
  end(): void {
    this.watcher?.close();
    if (this.timer !== null) clearTimeout(this.timer);
  }

  /** Reloads now. @param why what has asked for it, for the log */
  async reload(why: string): Promise<void> {
    const { log, manager, proxy } = this.target;
    manager.reloading();
    try {
      this.tell(why, await this.apply());
    } catch (error) {
      for (const sentence of sentencesOf(startError(error))) log.error(`reload: ${sentence}`);
      log.error(`${why}: nothing has changed`);
    } finally {
      manager.ready(proxy.status);
    }
  }

  private changed(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.reload("the file has changed"), SETTLE_MS);
  }

  private async apply(): Promise<Plan> {
    const { proxy, embedded } = this.target;
    const settings = await this.source.read();
    await checkUpstreams(settings.listeners.flatMap(({ upstreams }) => upstreams));
    return await proxy.reload(proxyOptions(settings, await embedded.addressesFor(settings)));
  }

  private tell(why: string, plan: Plan): void {
    const { log, proxy } = this.target;
    log.info(`${why}: ${describePlan(plan)}`);
    if (!isEmpty(plan)) {
      const news = new Set([...plan.added, ...plan.changed.map(({ after }) => after)]);
      for (const { address, options } of proxy.listeners) {
        if (news.has(options)) log.info(listeningLine(address, options));
      }
    }
    if (plan.needRestart.length > 0) {
      log.warn(`${plan.needRestart.join(", ")}: a restart changes that, a reload does not`);
    }
  }
}

/** Kubernetes changes all files of a volume by one link beside them. */
function isLinkOfDeployment(name: string): boolean {
  return name === "..data";
}

/** What an expected failure says; anything else is a defect and is thrown on. */
function sentencesOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  if (error instanceof StartError) return [error.message];
  throw error;
}
