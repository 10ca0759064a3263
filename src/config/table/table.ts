import { beginningTls } from "./beginning-tls.ts";
import { checking } from "./checking.ts";
import { choosing } from "./choosing.ts";
import { copying } from "./copying.ts";
import { deciding } from "./deciding.ts";
import { endingTls } from "./ending-tls.ts";
import { entering } from "./entering.ts";
import { limits } from "./limits.ts";
import { observing } from "./observing.ts";
import { relaying } from "./relaying.ts";
import { running } from "./running.ts";
import type { Scope, Setting, ValuesIn } from "./setting.ts";
import { sharing } from "./sharing.ts";
import type { upstreamTable } from "./upstream.ts";
import { uringTable } from "./uring.ts";

export { upstreamTable, WEIGHT_MAX } from "./upstream.ts";
export { uringTable } from "./uring.ts";

/*
 * All settings. Everything about a setting is made from its one entry here: its rule, its key and
 * flag, the types, the schema of files, the examples of `ringway init`, the help, docs/settings.md
 * and the words of a plan.
 */

const all = {
  ...relaying,
  ...choosing,
  ...checking,
  ...entering,
  ...endingTls,
  ...beginningTls,
  ...deciding,
  ...copying,
  ...sharing,
  ...limits,
  ...observing,
  ...running,
};

type All = typeof all;

type Of<S extends Scope> = {
  readonly [K in keyof All as All[K] extends { readonly scope: S } ? K : never]: All[K];
};

function of<S extends Scope>(scope: S): Of<S> {
  const entries = Object.entries(all).filter(([, setting]) => setting.scope === scope);
  return Object.fromEntries(entries) as unknown as Of<S>;
}

/** What each listener may have for itself. */
export const listenerTable = of("listener");
/** The settings of the whole proxy, except the group `uring`. */
export const proxyTable = of("proxy");
/** All settings outside of groups, except addresses. */
export const settingTable: Of<"listener"> & Of<"proxy"> = { ...listenerTable, ...proxyTable };

/** The values of a listener's settings. Durations are in milliseconds. */
export type ListenerValues = ValuesIn<typeof listenerTable>;
/** The values of one upstream's settings. */
export type UpstreamValues = ValuesIn<typeof upstreamTable>;
/** The values of {@link settingTable}. */
export type SettingValues = ValuesIn<typeof settingTable>;
/** The values of the group `uring`. */
export type UringValues = ValuesIn<typeof uringTable>;

/** Settings that belong together, under a heading. */
export interface SettingGroup {
  readonly heading: string;
  readonly settings: Readonly<Record<string, Setting>>;
}

/** All settings except those of one upstream, in the order of the help. */
export const settingGroups = {
  relaying: { heading: "What to relay", settings: relaying },
  choosing: { heading: "Choosing an upstream", settings: choosing },
  checking: { heading: "Health checks", settings: checking },
  entering: { heading: "Who may connect", settings: entering },
  endingTls: { heading: "TLS of clients", settings: endingTls },
  beginningTls: { heading: "TLS to upstreams", settings: beginningTls },
  deciding: { heading: "A function that decides", settings: deciding },
  copying: { heading: "Mirror", settings: copying },
  sharing: { heading: "Mode valkey", settings: sharing },
  limits: { heading: "Limits", settings: limits },
  observing: { heading: "Logs, metrics and admin", settings: observing },
  running: { heading: "How to run", settings: running },
  uring: { heading: "io_uring (engine uring)", settings: uringTable },
} as const satisfies Readonly<Record<string, SettingGroup>>;
