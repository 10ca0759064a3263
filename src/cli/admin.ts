import type { ConsolaInstance } from "consola/core";
import type { Admin } from "../admin/admin.ts";
import type { AdminOptions } from "../config/options.ts";
import type { Observation } from "../control/observation.ts";
import type { RunningProxy } from "../control/proxy.ts";
import { version } from "./program.ts";
import type { Reloader } from "./reload.ts";
import { adminStartError } from "./start-error.ts";

/** The parts of a run that the admin server uses. */
interface Target {
  readonly log: Pick<ConsolaInstance, "info" | "warn">;
  readonly proxy: RunningProxy;
  readonly observation: Observation;
  readonly admin: Admin | null;
}

/**
 * Starts the admin server, if one is wanted. Until {@link beginAdmin} it reports that the proxy is
 * starting.
 *
 * @throws StartError if it cannot listen
 */
export async function startAdmin(
  options: AdminOptions | null,
  log: Target["log"],
): Promise<Admin | null> {
  if (options === null) return null;
  // Imported here, so that a start without an admin server does not load it.
  const { Admin } = await import("../admin/admin.ts");
  try {
    return await Admin.start(options, {
      failed: (error) => log.warn(`admin: no answer: ${String(error)}`),
      warned: (sentence) => log.warn(sentence),
    });
  } catch (error) {
    throw adminStartError(error);
  }
}

/** Gives the admin server the running proxy. @param drain stops the proxy, like a signal */
export function beginAdmin(
  { log, proxy, observation, admin }: Target,
  reloader: Reloader,
  drain: () => void,
): void {
  admin?.begin({
    version,
    proxy,
    startedAt: Date.now(),
    acceptsSince: performance.now(),
    metrics: () => {
      const { certificates } = proxy;
      const upstreams = proxy.upstreams.views();
      return observation.expose(proxy.isStopping, { upstreams, certificates });
    },
    latency: () => observation.latencies.figures(),
    plan: () => reloader.plan(),
    reload: () => reloader.reload("admin API"),
    drain,
    wasCut: (relay) => log.info(`admin API: relay ${relay} cut`),
    wasChanged: ({ listener, upstream, state, weight }) =>
      log.info(`admin API: ${listener}: upstream ${upstream} set to ${state}, weight ${weight}`),
    wasDrained: (listener) => log.info(`admin API: ${listener} accepts no more, and drains`),
  });
}
