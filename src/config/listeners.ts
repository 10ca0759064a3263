import { formatAddress, type UpstreamAddress } from "../base/address.ts";
import { type Checked, checksOf, type ListenerChecks, ownOf, rejectCheckless } from "./checks.ts";
import { edgeOf } from "./edge.ts";
import { rejectEngines } from "./engines.ts";
import { healthOf, mirrorOf, routeOf, valkeyOf } from "./listener-parts.ts";
import { rejectLoops } from "./loops.ts";
import type { UpstreamOptions, WantedListener } from "./options.ts";
import { rejectRoutes } from "./route-problems.ts";
import { serverTlsOf } from "./server-tls.ts";
import type { GivenUpstream, ListenerGroup } from "./settings.ts";
import { isBroken, type Problems, type Sourced, type Sources } from "./sourced.ts";
import { optionsIn } from "./table/setting.ts";
import { type ListenerValues, listenerTable, upstreamTable } from "./table/table.ts";
import { type ListenerTls, upstreamTlsOf } from "./upstream-tls.ts";
import { rejectValkey } from "./valkey-mode.ts";

/** The listener settings of a file, whatever flags replace. */
export interface FileListeners {
  /** The settings at its top. */
  readonly top: Sources<ListenerValues>;
  /** Each listener of its list with its upstreams. */
  readonly listed: readonly Checked[];
}

const NO_FILE: FileListeners = { top: {}, listed: [] };

/** Returns one listener per address, with defaults where its group says nothing. */
export function listenersOf(
  groups: readonly ListenerGroup[],
  problems: Problems,
  file: FileListeners = NO_FILE,
): readonly WantedListener[] {
  const relaying = groups.map((group) =>
    isSink(group) ? withoutUpstreams(group, problems) : group,
  );
  rejectNames(relaying, problems);
  rejectTwins(relaying, problems);
  rejectBounds(relaying, problems);
  rejectWeights(relaying, problems);
  const settings = relaying.map((group) => group.settings);
  rejectLonely(settings, file, ROUTE_DETAILS, problems);
  rejectCheckless(relaying, file, problems);
  rejectLonely(settings, file, MIRROR_DETAILS, problems);
  rejectMirroredSinks(relaying, problems);
  rejectValkey(relaying, file, problems);
  rejectRoutes(relaying, problems);
  rejectEngines(relaying, problems);
  rejectLoops(relaying, problems);
  return relaying.flatMap((group) => finish(group, problems));
}

function finish(group: ListenerGroup, problems: Problems): WantedListener[] {
  const { name, listen, upstreams, settings } = group;
  const tls = upstreamTlsOf(settings, upstreams, problems);
  const checks = checksOf(group, tls, problems);
  const named = name === undefined || name.value === null ? {} : { name: name.value };
  const shared = {
    ...named,
    ...optionsIn(listenerTable, "", settings),
    upstreams: upstreams.flatMap((one) => upstreamOf(one, checks, tls)),
    balance: optionsIn(listenerTable, "balance", settings),
    dial: optionsIn(listenerTable, "dial", settings),
    health: { check: checks.check, ...healthOf(settings) },
    edge: edgeOf(settings, problems),
    route: routeOf(settings),
    tls: serverTlsOf(settings, problems),
    upstreamTls: tls.shared,
    mirror: mirrorOf(settings, settings.sourceAddress?.value ?? []),
    valkey: valkeyOf(settings),
    unix: optionsIn(listenerTable, "unix", settings),
  };
  return listen.flatMap(({ value }) => (value === null ? [] : { address: value, ...shared }));
}

function upstreamOf(
  given: GivenUpstream,
  checks: ListenerChecks,
  tls: ListenerTls,
): UpstreamOptions<UpstreamAddress>[] {
  const { value, settings } = given;
  if (value === null) return [];
  return [
    {
      ...plainUpstream(value),
      ...optionsIn(upstreamTable, "", settings ?? {}),
      ...tls.of(given),
      ...checks.of(given),
      ...ownOf(given),
    },
  ];
}

/** An upstream with nothing but an address. */
export function plainUpstream<Where extends UpstreamAddress>(
  address: Where,
): UpstreamOptions<Where> {
  return { address, ...optionsIn(upstreamTable, "", {}), slot: 0 };
}

function isSink({ settings }: ListenerGroup): boolean {
  return settings.mode?.value === "sink";
}

/** A sink's group without upstreams: those at the top are not meant for it. */
function withoutUpstreams(group: ListenerGroup, problems: Problems): ListenerGroup {
  const [first] = group.upstreams;
  if (group.ownUpstreams && first !== undefined) {
    const why = "contradicts mode sink, which has no upstream: leave one of them out";
    // Name the key of the whole list, not of one item.
    problems.add({ label: first.label.replace(/(\[\d+\])?(\.address)?$/, "") }, why);
  }
  return { ...group, upstreams: [] };
}

function rejectNames(groups: readonly ListenerGroup[], problems: Problems): void {
  const seen = new Map<string, Sourced<string>>();
  for (const { name } of groups) {
    if (name === undefined || name.value === null) continue;
    const before = seen.get(name.value) ?? name;
    // Groups from one range of ports share one and the same name.
    if (before !== name) problems.add(name, `"${name.value}" is given twice`);
    seen.set(name.value, before);
  }
}

function rejectBounds(groups: readonly ListenerGroup[], problems: Problems): void {
  for (const { settings } of groups) {
    const { balance, boundedLoad } = settings;
    if (boundedLoad === undefined || boundedLoad.value === null || isBroken(balance)) continue;
    if (balance?.value === "hash") continue;
    problems.add(boundedLoad, "is only for balance hash, which this listener does not have");
  }
}

/** Reports a weight for a service, whose records have weights. */
function rejectWeights(groups: readonly ListenerGroup[], problems: Problems): void {
  const seen = new Set<Sourced<number>>();
  for (const { value, settings } of groups.flatMap(({ upstreams }) => upstreams)) {
    if (value?.kind !== "service" || settings?.weight === undefined) continue;
    if (isBroken(settings.weight)) continue;
    // Report upstreams at the top once, not for each group.
    if (seen.has(settings.weight)) continue;
    seen.add(settings.weight);
    problems.add(settings.weight, "is not for a service, whose records have weights: leave it out");
  }
}

/** Settings that need another one, and what to report if no listener has that. */
interface Details {
  readonly of: keyof ListenerValues;
  readonly keys: readonly (keyof ListenerValues)[];
  readonly why: string;
}

const ROUTE_DETAILS: Details = {
  of: "route",
  keys: ["routeTimeout", "routeFailure"],
  why: "needs route, a function, which a configuration in TypeScript can have",
};

const MIRROR_DETAILS: Details = {
  of: "mirror",
  keys: ["mirrorBuffer", "mirrorPercent", "mirrorPlainText"],
  why: "needs mirror, the address to copy to",
};

/**
 * A detail at the top of a file needs at least one listener with the setting that it belongs to.
 */
function rejectLonely(
  all: readonly Sources<ListenerValues>[],
  { listed }: FileListeners,
  { of, keys, why }: Details,
  problems: Problems,
): void {
  const given = [...all, ...listed.map(({ settings }) => settings)];
  if (given.some((one) => one[of] !== undefined)) return;
  const lonely = new Set(all.flatMap((given) => keys.map((key) => given[key])));
  for (const one of lonely) if (one !== undefined) problems.add(one, why);
}

/** Reports mirrors of sinks, which have nothing to copy. */
function rejectMirroredSinks(groups: readonly ListenerGroup[], problems: Problems): void {
  for (const group of groups) {
    const { mirror } = group.settings;
    if (mirror === undefined || mirrorOf(group.settings, []) === null || !isSink(group)) continue;
    const why = "contradicts mode sink, which has no upstream: use mode oneway with it as upstream";
    problems.add(mirror, why);
  }
}

function rejectTwins(groups: readonly ListenerGroup[], problems: Problems): void {
  const seen = new Set<string>();
  const told = new Set<object>();
  for (const listen of groups.flatMap((group) => group.listen)) {
    const { value, whole = listen } = listen;
    if (value === null) continue;
    const text = formatAddress(value);
    const picksPort = value.kind === "tcp" && value.port === 0;
    if (seen.has(text) && !picksPort && !told.has(whole)) {
      problems.add(listen, `"${text}" is given twice`);
      told.add(whole);
    }
    seen.add(text);
  }
}
