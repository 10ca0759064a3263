import { formatAddress } from "../config/address.ts";
import type { ProxyOptions, WantedListener } from "../config/options.ts";
import { formatCounted } from "../config/quantity.ts";

/** A listener before and after a reload. */
export interface ListenerChange {
  readonly before: WantedListener;
  readonly after: WantedListener;
}

/** What a reload does: the difference between what runs and what is wanted. */
export interface Plan {
  readonly added: readonly WantedListener[];
  readonly removed: readonly WantedListener[];
  /** New relays of these get other options. */
  readonly changed: readonly ListenerChange[];
  readonly kept: readonly WantedListener[];
  /** Upstreams, or services, that no listener had, and that none has any more. */
  readonly upstreamsAdded: readonly string[];
  readonly upstreamsRemoved: readonly string[];
  /** The drain timeout is another one. */
  readonly drainTimeoutChanged: boolean;
  /** Settings that differ but that only a restart changes, by their names. */
  readonly needRestart: readonly string[];
}

/** Compares what runs with what is wanted. Listeners are told apart by the address they were given. */
export function planReload(running: ProxyOptions, wanted: ProxyOptions): Plan {
  const before = keyed(running.listeners);
  const after = keyed(wanted.listeners);
  const both = [...after].filter(([key]) => before.has(key));
  const pairs = both.map(([key, one]) => ({
    before: before.get(key) as WantedListener,
    after: one,
  }));
  const isSame = (pair: ListenerChange) => Bun.deepEquals(pair.before, pair.after, true);
  const upstreamsBefore = upstreamsOf(running);
  const upstreamsAfter = upstreamsOf(wanted);
  return {
    added: [...after].filter(([key]) => !before.has(key)).map(([, one]) => one),
    removed: [...before].filter(([key]) => !after.has(key)).map(([, one]) => one),
    changed: pairs.filter((pair) => !isSame(pair)),
    kept: pairs.filter(isSame).map((pair) => pair.before),
    upstreamsAdded: [...upstreamsAfter.difference(upstreamsBefore)],
    upstreamsRemoved: [...upstreamsBefore.difference(upstreamsAfter)],
    drainTimeoutChanged: running.drainTimeoutMs !== wanted.drainTimeoutMs,
    needRestart: (["engine", "workers", "memory", "uring", "dnsServers"] as const).filter(
      (name) => !Bun.deepEquals(running[name], wanted[name], true),
    ),
  };
}

/** Whether there is nothing to do. */
export function isEmpty(plan: Plan): boolean {
  const { added, removed, changed, drainTimeoutChanged } = plan;
  return added.length + removed.length + changed.length === 0 && !drainTimeoutChanged;
}

/** The plan in one line: `1 listener added, 2 upstreams removed, 0 relays cut`. */
export function describePlan(plan: Plan): string {
  const parts = [
    count(plan.added.length, "listener", "added"),
    count(plan.removed.length, "listener", "removed"),
    count(plan.changed.length, "listener", "changed"),
    count(plan.upstreamsAdded.length, "upstream", "added"),
    count(plan.upstreamsRemoved.length, "upstream", "removed"),
    plan.drainTimeoutChanged ? "drain timeout changed" : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "nothing changes" : `${parts.join(", ")}, 0 relays cut`;
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

function upstreamsOf({ listeners }: ProxyOptions): Set<string> {
  return new Set(
    listeners.flatMap(({ upstreams }) => upstreams.map(({ address }) => formatAddress(address))),
  );
}
