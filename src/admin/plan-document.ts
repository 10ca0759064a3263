import type { EngineName, WantedListener } from "../config/options.ts";
import { describePlan, isEmpty, type Plan } from "../control/plan.ts";
import { listenerChanges, type SettingChange } from "../control/setting-changes.ts";
import { type ListenerDocument, listenerDocument } from "./listener-document.ts";

/** What `POST /api/plan` and `POST /api/reload` answer. */
export interface PlanDocument {
  /** Whether it was done (`reload`) or only looked at (`plan`). */
  done: boolean;
  /** Whether there is anything to do. */
  changes: boolean;
  /** In one line: `1 listener added, 2 upstreams removed, 0 relays cut`. */
  summary: string;
  added: ListenerDocument[];
  removed: ListenerDocument[];
  /** New relays of these get other options. */
  changed: {
    before: ListenerDocument;
    after: ListenerDocument;
    /** What differs; empty when only the networks in its files do. No secret is in it. */
    settings: SettingChange[];
  }[];
  /** Drained ones, which accept again. */
  reopened: ListenerDocument[];
  kept: ListenerDocument[];
  upstreamsAdded: string[];
  upstreamsRemoved: string[];
  /** Relays that end because their upstream goes, at once or within the time that they get. */
  relaysEnding: number;
  drainDelayChanged: boolean;
  drainTimeoutChanged: boolean;
  totalRelaysChanged: boolean;
  /** Settings that differ and that only a restart changes, by their names. */
  needRestart: string[];
  /** All settings of the whole proxy that differ. */
  settings: SettingChange[];
}

/** A plan in words. @param carrierOf the engine that carries a listener */
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
