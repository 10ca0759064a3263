import { formatAddress } from "../base/address.ts";
import { formatCounted } from "../base/quantity.ts";
import type { ProxyOptions, WantedListener } from "../config/options.ts";
import type { Table } from "../config/table/setting.ts";
import { proxyTable } from "../config/table/table.ts";
import { proxyChanges, type SettingChange } from "./setting-changes.ts";

/** A listener before and after a reload. */
export interface ListenerChange {
  readonly before: WantedListener;
  readonly after: WantedListener;
}

/** What a reload does: the difference between what runs and what is wanted. */
export interface Plan {
  readonly added: readonly WantedListener[];
  readonly removed: readonly WantedListener[];
  /** New relays of these get other options, or other networks from the same files. */
  readonly changed: readonly ListenerChange[];
  /** Drained listeners, which accept again; they may be changed, too. */
  readonly reopened: readonly WantedListener[];
  /** All others. */
  readonly kept: readonly WantedListener[];
  /** Upstreams and services that no listener had before. */
  readonly upstreamsAdded: readonly string[];
  /** Upstreams and services that no listener has any more. */
  readonly upstreamsRemoved: readonly string[];
  /** Relays that end because their upstream is removed, at once or within the configured time. */
  readonly relaysEnding: number;
  readonly drainDelayChanged: boolean;
  readonly drainTimeoutChanged: boolean;
  readonly totalRelaysChanged: boolean;
  /** The names of settings that differ and that only a restart changes. */
  readonly needRestart: readonly string[];
  /** All settings of the whole proxy that differ, including those that need a restart. */
  readonly settings: readonly SettingChange[];
}

/** What options do not show. Listeners by their keys, see {@link keyed}. */
export interface Circumstances {
  /** Listeners whose files of networks have changed. */
  readonly otherNetworks: ReadonlySet<string>;
  /** Listeners that do not accept. */
  readonly closed: ReadonlySet<string>;
  /** See {@link Plan.relaysEnding}. */
  readonly relaysEnding: number;
}

/** Compares what runs with what is wanted. Configured addresses identify listeners. */
export function planReload(
  running: ProxyOptions,
  wanted: ProxyOptions,
  { otherNetworks = new Set(), closed = new Set(), relaysEnding = 0 }: Partial<Circumstances> = {},
): Plan {
  const before = keyed(running.listeners);
  const after = keyed(wanted.listeners);
  const both = [...after].filter(([key]) => before.has(key));
  const pairs = both.map(([key, one]) => ({
    key,
    before: before.get(key) as WantedListener,
    after: one,
  }));
  type Pair = (typeof pairs)[number];
  const isSame = (pair: Pair) =>
    Bun.deepEquals(pair.before, pair.after, true) && !otherNetworks.has(pair.key);
  const isClosed = (pair: Pair) => closed.has(pair.key);
  const upstreamsBefore = upstreamsOf(running);
  const upstreamsAfter = upstreamsOf(wanted);
  const settings = proxyChanges(running, wanted);
  return {
    added: [...after].filter(([key]) => !before.has(key)).map(([, one]) => one),
    removed: [...before].filter(([key]) => !after.has(key)).map(([, one]) => one),
    changed: pairs
      .filter((pair) => !isSame(pair))
      .map((pair) => ({ before: pair.before, after: pair.after })),
    reopened: pairs.filter(isClosed).map((pair) => pair.after),
    kept: pairs.filter((pair) => isSame(pair) && !isClosed(pair)).map((pair) => pair.before),
    upstreamsAdded: [...upstreamsAfter.difference(upstreamsBefore)],
    upstreamsRemoved: [...upstreamsBefore.difference(upstreamsAfter)],
    relaysEnding,
    drainDelayChanged: (running.drainDelayMs ?? 0) !== (wanted.drainDelayMs ?? 0),
    drainTimeoutChanged: running.drainTimeoutMs !== wanted.drainTimeoutMs,
    totalRelaysChanged: running.totalRelays !== wanted.totalRelays,
    needRestart: restartsFor(settings),
    settings,
  };
}

/** The names of changed settings that only a restart applies; all of `uring` count as one. */
export function restartsFor(settings: readonly SettingChange[]): string[] {
  const names = settings.flatMap(({ setting }) => {
    if (setting.startsWith("uring.")) return ["uring"];
    const entry = (proxyTable as Table)[setting];
    return entry === undefined || entry.needsRestart === true ? [setting] : [];
  });
  return [...new Set(names)];
}

/** Whether a reload has nothing to do. */
export function isEmpty(plan: Plan): boolean {
  return partsOf(plan).length === 0;
}

/** The plan in one line: `1 listener added, 2 upstreams removed, 0 relays cut`. */
export function describePlan(plan: Plan): string {
  const parts = partsOf(plan);
  if (parts.length === 0) return "nothing changes";
  return `${parts.join(", ")}, ${relaysText(plan.relaysEnding)}`;
}

function relaysText(ending: number): string {
  if (ending === 0) return "0 relays cut";
  const ends = ending === 1 ? "ends with its upstream" : "end with their upstreams";
  return `${formatCounted(ending, "relay")} ${ends}`;
}

function partsOf(plan: Plan): string[] {
  return [
    count(plan.added.length, "listener", "added"),
    count(plan.removed.length, "listener", "removed"),
    count(plan.changed.length, "listener", "changed"),
    count(plan.reopened.length, "listener", "opened again"),
    count(plan.upstreamsAdded.length, "upstream", "added"),
    count(plan.upstreamsRemoved.length, "upstream", "removed"),
    plan.totalRelaysChanged ? "limit of all relays changed" : "",
    plan.drainDelayChanged ? "drain delay changed" : "",
    plan.drainTimeoutChanged ? "drain timeout changed" : "",
  ].filter((part) => part !== "");
}

function count(number: number, noun: string, verb: string): string {
  return number === 0 ? "" : `${formatCounted(number, noun)} ${verb}`;
}

/** Listeners by key: their address, numbered if several let the system pick a port. */
export function keyed<Listener extends WantedListener>(
  listeners: readonly Listener[],
): Map<string, Listener> {
  const map = new Map<string, Listener>();
  for (const listener of listeners) {
    const address = formatAddress(listener.address);
    let key = address;
    for (let twin = 2; map.has(key); twin++) key = `${address} #${twin}`;
    map.set(key, listener);
  }
  return map;
}

/**
 * The homes of listeners by their keys. A home identifies what a listener owns: limits, upstreams
 * and their health. Addresses with one name are one listener and share a home. A home stays the
 * same as long as one of its addresses stays, whatever the listener's name.
 *
 * @param before the homes of what runs
 * @param apart returns what separates addresses in spite of their common name
 */
export function homesOf(
  listeners: readonly WantedListener[],
  before: ReadonlyMap<string, string> = new Map(),
  apart: (listener: WantedListener) => string = () => "",
): Map<string, string> {
  const homes = new Map<string, string>();
  const taken = new Set<string>();
  const named = Map.groupBy(keyed(listeners), ([key, { name }]) => name ?? { key });
  const groups = Array.from(named.values()).flatMap((group) =>
    // Most names have one address.
    group.length === 1 ? [group] : [...Map.groupBy(group, ([, one]) => apart(one)).values()],
  );
  for (const group of groups) {
    const keys = group.map(([key]) => key);
    const [first = ""] = keys;
    const wanted = [...keys.flatMap((key) => before.get(key) ?? []), ...keys];
    let home = wanted.find((one) => !taken.has(one));
    // Listeners have exchanged addresses.
    for (let twin = 2; home === undefined; twin++) {
      const free = `${first} (${twin})`;
      if (!taken.has(free)) home = free;
    }
    taken.add(home);
    for (const key of keys) homes.set(key, home);
  }
  return homes;
}

function upstreamsOf({ listeners }: ProxyOptions): Set<string> {
  return new Set(
    listeners.flatMap(({ upstreams }) => upstreams.map(({ address }) => formatAddress(address))),
  );
}
