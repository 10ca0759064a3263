import { describe } from "../base/error.ts";
import type { GivenUpstream } from "./settings.ts";
import { isBroken, type Problems, type Sourced, type Sources } from "./sourced.ts";
import { sharing } from "./table/sharing.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";

/** What was given for a listener, or for several. */
interface Given {
  readonly settings: Sources<ListenerValues>;
  readonly upstreams?: readonly GivenUpstream[];
}

const LEAVE_OUT = "leave one of them out";
const NO_CHOICE = `contradicts mode valkey, where no client has an upstream of its own: ${LEAVE_OUT}`;
const NO_HEADER = `contradicts mode valkey, where many clients share a connection, and a PROXY header names one: ${LEAVE_OUT}`;
const NO_POSTGRES = `contradicts mode valkey, which does not speak Postgres: ${LEAVE_OUT}`;

/** Settings that mean nothing in mode `valkey`, unless they have their default, and why. */
const USELESS: { readonly [K in keyof ListenerValues]?: string } = {
  mirror: `contradicts mode valkey, which has no stream of one client to copy: ${LEAVE_OUT}`,
  routes: NO_CHOICE,
  route: NO_CHOICE,
  sendProxyProtocol: NO_HEADER,
  startTls: NO_POSTGRES,
  upstreamStartTls: NO_POSTGRES,
  downRate: `contradicts mode valkey, where a shared connection waits for no client: ${LEAVE_OUT}`,
  upstreamIdleTimeout:
    "contradicts mode valkey, where upstreams answer many clients: use idleTimeout or clientIdleTimeout",
  halfCloseTimeout: `contradicts mode valkey, which closes a client that has ended as soon as it has its replies: ${LEAVE_OUT}`,
};

/** The settings that have no word to turn them off: at the top of a file they may be for others. */
const ENDLESS: readonly (keyof ListenerValues)[] = ["halfCloseTimeout"];

/**
 * Reports settings of mode `valkey` without it, and those that mean nothing with it. What stands at
 * the top of a file needs at least one listener that uses it, even if flags replace that listener.
 */
export function rejectValkey(
  all: readonly Given[],
  file: { readonly top: Sources<ListenerValues>; readonly listed: readonly Given[] },
  problems: Problems,
): void {
  // The top of a file without a list is its listener.
  const inFile = file.listed.length === 0 ? [{ settings: file.top }] : file.listed;
  const sharers = [...all, ...inFile].filter(isSharing);
  const used = new Set(sharers.flatMap(({ settings }) => valkeyOf(settings)));
  for (const { settings } of all) {
    if (isBroken(settings.mode)) continue;
    for (const one of valkeyOf(settings))
      if (!used.has(one)) problems.add(one, "needs mode valkey");
  }
  const others = [...all, ...file.listed].filter((one) => !isSharing(one));
  const usedByOthers = new Set(
    others.flatMap(({ settings }) => ENDLESS.map((key) => settings[key])),
  );
  for (const { settings, upstreams = [] } of all.filter(isSharing)) {
    rejectUseless(settings, usedByOthers, problems);
    rejectHashed(settings, problems);
    rejectDenied(settings, problems);
    for (const { settings: own = {} } of upstreams) {
      if (isSet(own.sendProxyProtocol, "off")) problems.add(own.sendProxyProtocol, NO_HEADER);
    }
  }
}

function isSharing({ settings }: Given): boolean {
  return settings.mode?.value === "valkey";
}

function valkeyOf(settings: Sources<ListenerValues>): Sourced<unknown>[] {
  const all: readonly (Sourced<unknown> | undefined)[] = Object.keys(sharing).map(
    (key) => settings[key as keyof typeof sharing],
  );
  return all.filter((one) => one !== undefined);
}

function rejectUseless(
  settings: Sources<ListenerValues>,
  usedByOthers: ReadonlySet<unknown>,
  problems: Problems,
): void {
  for (const [name, why] of Object.entries(USELESS)) {
    const key = name as keyof ListenerValues;
    const one = settings[key];
    if (!isSet(one, listenerTable[key].fallback) || usedByOthers.has(one)) continue;
    problems.add(one, why);
  }
}

/** A policy for clients is none for connections that they share. */
function rejectHashed({ balance }: Sources<ListenerValues>, problems: Problems): void {
  if (balance?.value !== "hash") return;
  const why = "where upstreams are not chosen by client: use another policy, such as least-relays";
  problems.add(balance, `hash contradicts mode valkey, ${why}`);
}

/** A command that is refused takes no connection. */
function rejectDenied(
  { valkeySlow, valkeyDeny }: Sources<ListenerValues>,
  problems: Problems,
): void {
  const denied = new Set(valkeyDeny?.value ?? []);
  const twice = valkeySlow?.value?.find(
    (name) => denied.has(name) || denied.has(name.split(" ")[0] as string),
  );
  if (twice === undefined) return;
  problems.add(valkeySlow, `${describe(twice)} is refused by valkeyDeny anyway: leave it out`);
}

/** Whether a value was given, is right, and is not the default. */
function isSet(one: Sourced<unknown> | undefined, fallback: unknown): boolean {
  return one !== undefined && !isBroken(one) && !Bun.deepEquals(one.value, fallback);
}
