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
  /** Drained ones, which accept again; they may be changed as well. */
  readonly reopened: readonly WantedListener[];
  /** All others. */
  readonly kept: readonly WantedListener[];
  /** Upstreams, or services, that no listener had, and that none has any more. */
  readonly upstreamsAdded: readonly string[];
  readonly upstreamsRemoved: readonly string[];
  /** Relays that end because their upstream goes, at once or within the time that they get. */
  readonly relaysEnding: number;
  /** The delay before a drain is another one. */
  readonly drainDelayChanged: boolean;
  /** The drain timeout is another one. */
  readonly drainTimeoutChanged: boolean;
  /** The limit of all listeners together is another one. */
  readonly totalRelaysChanged: boolean;
  /** Settings that differ but that only a restart changes, by their names. */
  readonly needRestart: readonly string[];
  /** All settings of the whole proxy that differ, those that need a restart included. */
  readonly settings: readonly SettingChange[];
}

/** What options do not show; listeners by their keys, see {@link keyed}. */
export interface Circumstances {
  /** Files say other networks than before. */
  readonly otherNetworks: ReadonlySet<string>;
  /** They do not accept. */
  readonly closed: ReadonlySet<string>;
  /** See {@link Plan.relaysEnding}. */
  readonly relaysEnding: number;
}

/** Compares what runs with what is wanted. Listeners are told apart by the address they were given. */
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

/** The names of settings of the whole proxy that only a restart changes; those of the ring are one. */
export function restartsFor(settings: readonly SettingChange[]): string[] {
  const names = settings.flatMap(({ setting }) => {
    if (setting.startsWith("uring.")) return ["uring"];
    const entry = (proxyTable as Table)[setting];
    return entry === undefined || entry.needsRestart === true ? [setting] : [];
  });
  return [...new Set(names)];
}

/** Whether there is nothing to do. */
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

/** By address; several that let the system pick a port are told apart by their order. */
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
 * Where listeners keep what is theirs (limits, upstreams with their health), by their keys: addresses
 * with one name are one listener, and share a home. It stays what it was as long as one of its
 * addresses does, whatever the listener is called.
 *
 * @param before the homes of what runs
 * @param apart what parts those of one name nevertheless
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
    // Almost all are alone.
    group.length === 1 ? [group] : [...Map.groupBy(group, ([, one]) => apart(one)).values()],
  );
  for (const group of groups) {
    const keys = group.map(([key]) => key);
    const [first = ""] = keys;
    const wanted = [...keys.flatMap((key) => before.get(key) ?? []), ...keys];
    let home = wanted.find((one) => !taken.has(one));
    // Addresses have changed hands among listeners.
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
