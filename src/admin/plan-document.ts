import type { EngineName, WantedListener } from "../config/options.ts";
import { describePlan, isEmpty, type Plan } from "../control/plan.ts";
import { listenerChanges, type SettingChange } from "../control/setting-changes.ts";
import { type ListenerDocument, listenerDocument } from "./listener-document.ts";

/** What `POST /api/plan` and `POST /api/reload` answer. */
export interface PlanDocument {
  /** Whether the changes were made (`reload`) or only determined (`plan`). */
  done: boolean;
  /** Whether there are any changes. */
  changes: boolean;
  /** In one line: `1 listener added, 2 upstreams removed, 0 relays cut`. */
  summary: string;
  added: ListenerDocument[];
  removed: ListenerDocument[];
  /** Listeners whose new relays get other options. */
  changed: {
    before: ListenerDocument;
    after: ListenerDocument;
    /** What differs; empty if only the networks in its files do. Contains no secrets. */
    settings: SettingChange[];
  }[];
  /** Drained listeners that accept again. */
  reopened: ListenerDocument[];
  kept: ListenerDocument[];
  upstreamsAdded: string[];
  upstreamsRemoved: string[];
  /** Relays that end because their upstream is removed, at once or within the drain timeout. */
  relaysEnding: number;
  drainDelayChanged: boolean;
  drainTimeoutChanged: boolean;
  totalRelaysChanged: boolean;
  /** Names of changed settings that need a restart. */
  needRestart: string[];
  /** All changed settings of the whole proxy. */
  settings: SettingChange[];
}

/** Describes a plan. @param carrierOf the engine that carries a listener */
export function planDocument(
  plan: Plan,
  done: boolean,
  carrierOf: (listener: WantedListener) => EngineName,
): PlanDocument {
  const told = (one: WantedListener) => listenerDocument(one, carrierOf(one));
  const all = (listeners: Plan["added"]) => listeners.map(told);
  return {
    done,
    changes: !isEmpty(plan),
    summary: describePlan(plan),
    added: all(plan.added),
    removed: all(plan.removed),
    changed: plan.changed.map(({ before, after }) => ({
      before: told(before),
      after: told(after),
      settings: listenerChanges(before, after),
    })),
    reopened: all(plan.reopened),
    kept: all(plan.kept),
    upstreamsAdded: [...plan.upstreamsAdded],
    upstreamsRemoved: [...plan.upstreamsRemoved],
    relaysEnding: plan.relaysEnding,
    drainDelayChanged: plan.drainDelayChanged,
    drainTimeoutChanged: plan.drainTimeoutChanged,
    totalRelaysChanged: plan.totalRelaysChanged,
    needRestart: [...plan.needRestart],
    settings: [...plan.settings],
  };
}
