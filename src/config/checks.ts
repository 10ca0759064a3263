import { type Address, formatAddress, type UpstreamAddress } from "../base/address.ts";
import type { ProxyProtocolOut } from "../entry/proxy-protocol/header.ts";
import type { TlsClientOptions } from "../transport/tls/client-options.ts";
import type { CheckOptions, CheckStep, RedisRole } from "../upstream/health/check-options.ts";
import { type CheckTls, checkTlsOf } from "./check-tls.ts";
import type { UpstreamOptions } from "./options.ts";
import type { GivenUpstream } from "./settings.ts";
import type { Problems, Sourced, Sources } from "./sourced.ts";
import type { CheckKind, OwnCheck } from "./table/checking.ts";
import { optionsIn } from "./table/setting.ts";
import { type ListenerValues, listenerTable } from "./table/table.ts";
import type { ListenerTls } from "./upstream-tls.ts";

/** The given settings of a listener, and those of its upstreams. */
export interface Checked {
  readonly settings: Sources<ListenerValues>;
  readonly upstreams: readonly GivenUpstream[];
}

/** The checks of a listener. */
export interface ListenerChecks {
  /** The check of upstreams without settings of their own; null for none. */
  readonly check: CheckOptions | null;
  /** Returns one upstream's own check; empty if it has the listener's. */
  readonly of: (upstream: GivenUpstream) => Pick<UpstreamOptions, "check">;
}

/** How much faster checks come while an upstream is changing or failing. */
const FASTER = 4;

/** What one upstream may change about its listener's check. */
interface Wish {
  readonly kind: CheckKind;
  readonly address: CheckOptions["address"];
  /** Whether relays to the upstream begin with a PROXY header. */
  readonly sent: ProxyProtocolOut;
  /** How relays to the upstream begin TLS; null: not at all. */
  readonly tls: TlsClientOptions | null;
}

/** Returns the checks of a listener, and reports contradictions. */
export function checksOf(
  listener: Checked,
  upstreamTls: ListenerTls,
  problems: Problems,
): ListenerChecks {
  const { settings, upstreams } = listener;
  const kind = settings.check?.value ?? "none";
  rejectStrays(listener, kind, problems);
  const tls = checkTlsOf(settings, problems);
  const wished: Wish = {
    kind,
    address: settings.checkAddress?.value ?? null,
    sent: settings.sendProxyProtocol?.value ?? "off",
    tls: upstreamTls.shared,
  };
  const make = (wish: Wish) => (wish.kind === "none" ? null : checkOf(settings, wish, tls));
  for (const upstream of upstreams) {
    rejectOwn(upstream, settings, problems);
    const wish = ownWish(upstream, wished, upstreamTls);
    rejectPort(upstream, settings.checkAddress, wish, problems);
  }
  return {
    check: make(wished),
    of: (upstream) => {
      const { check, checkAddress, sendProxyProtocol } = upstream.settings ?? {};
      const { tls } = upstreamTls.of(upstream);
      const isOwn = [check, checkAddress, sendProxyProtocol, tls].some((one) => one !== undefined);
      return isOwn ? { check: make(ownWish(upstream, wished, upstreamTls)) } : {};
    },
  };
}

/**
 * The addresses that a listener's checks go to instead of the upstreams' own, each with where it
 * was given. The hosts of a service are not known here: DNS has them.
 */
export function checkTargetsOf({ settings, upstreams }: Checked): readonly Sourced<Address>[] {
  const listener = settings.checkAddress;
  const kind = settings.check?.value ?? "none";
  const others = upstreams.flatMap(({ value: upstream, settings: own = {} }) => {
    const given = own.checkAddress ?? listener;
    if (kindOf(own.check?.value ?? "on", kind) === "none") return [];
    return given === undefined ? [] : targetOf(given, upstream);
  });
  // It also applies to the embedded upstream, which no list has.
  return listener === undefined ? others : [...targetOf(listener, null), ...others];
}

/** @param upstream whose host a port alone belongs to; null for none */
function targetOf(
  given: Sourced<CheckOptions["address"]>,
  upstream: UpstreamAddress | null,
): Sourced<Address>[] {
  const { value, label } = given;
  if (value === null) return [];
  if (value.kind !== "port") return [{ ...given, value }];
  if (upstream?.kind !== "tcp") return [];
  return [{ given: given.given, label, value: { ...upstream, port: value.port } }];
}

function ownWish(upstream: GivenUpstream, listener: Wish, upstreamTls: ListenerTls): Wish {
  const { check, checkAddress, sendProxyProtocol } = upstream.settings ?? {};
  const { tls = listener.tls } = upstreamTls.of(upstream);
  return {
    tls,
    kind: kindOf(check?.value ?? "on", listener.kind),
    // `none` is an answer, too: it means the upstream's own address.
    address: checkAddress === undefined ? listener.address : checkAddress.value,
    sent: sendProxyProtocol?.value ?? listener.sent,
  };
}

function kindOf(own: OwnCheck, listener: CheckKind): CheckKind {
  if (own === "on") return listener;
  return own === "off" ? "none" : own;
}

function checkOf(
  given: Sources<ListenerValues>,
  { kind, address, sent, tls: ofRelays }: Wish,
  tls: CheckTls,
): CheckOptions {
  const common = optionsIn(listenerTable, "health.check", given);
  const { intervalMs, jitter, timeoutMs, rise, fall } = common;
  const detail = <K extends keyof typeof DETAILS>(key: K) =>
    isFor(key, kind) ? given[key]?.value : undefined;
  return {
    kind: kind.startsWith("redis") ? "redis" : (kind as CheckOptions["kind"]),
    intervalMs,
    fastIntervalMs: Math.max(50, intervalMs / FASTER),
    timeoutMs,
    jitter,
    rise,
    fall,
    address,
    proxyProtocol: headerOf(common.proxyProtocol, address, sent),
    // Somewhere else, or at another port, is another server, which is not known to speak TLS.
    tls: tls(kind, address === null ? ofRelays : null),
    ...(given.sourceAddress?.value?.length ? { sources: given.sourceAddress.value } : {}),
    ...present("role", roleOf(kind)),
    ...present("user", detail("checkUser")),
    ...present("password", detail("checkPassword")),
    ...present("path", detail("checkPath")),
    ...present("host", detail("checkHost")),
    ...present("status", detail("checkStatus")),
    ...(kind === "send-expect" ? { steps: stepsOf(given) } : {}),
  };
}

/** With `auto`, checks begin as relays do, unless they go to another address. */
function headerOf(
  wanted: ProxyProtocolOut | "auto",
  address: CheckOptions["address"],
  sent: ProxyProtocolOut,
): ProxyProtocolOut {
  if (wanted !== "auto") return wanted;
  return address === null ? sent : "off";
}

function roleOf(kind: string): RedisRole | undefined {
  if (kind === "redis-primary") return "primary";
  return kind === "redis-replica" ? "replica" : undefined;
}

function stepsOf({ checkSend, checkExpect }: Sources<ListenerValues>): CheckStep[] {
  const send = checkSend?.value ?? null;
  const expect = checkExpect?.value ?? null;
  return [...(send === null ? [] : [{ send }]), ...(expect === null ? [] : [{ expect }])];
}

function present<K extends string, T>(key: K, value: T | null | undefined): { [key in K]?: T } {
  return value === undefined || value === null ? {} : ({ [key]: value } as { [key in K]: T });
}

/** The kinds of checks that use a setting. */
const DETAILS = {
  checkUser: ["redis", "redis-primary", "redis-replica", "postgres"],
  checkPassword: ["redis", "redis-primary", "redis-replica"],
  checkPath: ["http"],
  checkHost: ["http"],
  checkStatus: ["http"],
  checkSend: ["send-expect"],
  checkExpect: ["send-expect"],
} as const satisfies { [K in keyof ListenerValues]?: readonly CheckKind[] };

function isFor(detail: keyof typeof DETAILS, kind: CheckKind): boolean {
  return (DETAILS[detail] as readonly CheckKind[]).includes(kind);
}

function rejectStrays({ settings, upstreams }: Checked, kind: CheckKind, problems: Problems): void {
  const kinds = upstreams.map((one) => kindOf(one.settings?.check?.value ?? "on", kind));
  for (const key of Object.keys(DETAILS) as (keyof typeof DETAILS)[]) {
    const one = settings[key];
    if (one === undefined || [kind, ...kinds].some((used) => isFor(key, used))) continue;
    problems.add(one, `is only for check ${DETAILS[key].join(", ")}, and this one is ${kind}`);
  }
}

/** Reports an upstream's settings for a check that it does not have. */
function rejectOwn(
  { settings: own = {} }: GivenUpstream,
  { check }: Sources<ListenerValues>,
  problems: Problems,
): void {
  const listener = check?.value ?? "none";
  if (own.check?.value === "on" && listener === "none") {
    problems.add(own.check, "on: its listener has no check: name the kind here, such as tcp");
  }
  const isChecked = kindOf(own.check?.value ?? "on", listener) !== "none";
  if (own.checkAddress?.value && !isChecked) problems.add(own.checkAddress, "needs check");
}

/** Reports a port alone for a unix socket, which has no host. */
function rejectPort(
  { value: upstream, settings }: GivenUpstream,
  ofListener: Sourced<unknown> | undefined,
  { kind, address }: Wish,
  problems: Problems,
): void {
  if (upstream?.kind !== "unix" || address?.kind !== "port" || kind === "none") return;
  const where = formatAddress(upstream);
  const why = `is a port of the upstream's own host, and ${where} has none: give a whole address`;
  problems.add(settings?.checkAddress ?? ofListener, why);
}

/** The settings that checks of every kind use. */
const COMMON = [
  "checkInterval",
  "checkJitter",
  "checkTimeout",
  "checkRise",
  "checkFall",
  "checkAddress",
  "checkProxyProtocol",
  "checkTls",
  "onUp",
] as const satisfies readonly (keyof ListenerValues)[];

/**
 * Reports settings of checks where nothing is checked. A setting at the top of a file needs at
 * least one listener with a check, even if flags replace that listener.
 */
export function rejectCheckless(
  all: readonly Checked[],
  file: { readonly top: Sources<ListenerValues>; readonly listed: readonly Checked[] },
  problems: Problems,
): void {
  const checked = all.filter(isChecked);
  const others = all.filter((given) => !isChecked(given));
  const isTopUsed = checked.length > 0 || file.listed.some(isChecked);
  const used = new Set([
    ...checked.flatMap(({ settings }) => commonOf(settings)),
    ...(isTopUsed ? commonOf(file.top) : []),
  ]);
  for (const one of new Set(others.flatMap(({ settings }) => commonOf(settings))).difference(used))
    problems.add(one, "needs check");
}

/**
 * The given settings of {@link COMMON}, except broken ones (reported already) and those that are
 * off.
 */
function commonOf(given: Sources<ListenerValues>): Sourced<unknown>[] {
  return COMMON.flatMap((key): Sourced<unknown>[] => {
    const one = given[key];
    return one === undefined || one.value === null || one.value === false ? [] : [one];
  });
}

function isChecked({ settings, upstreams }: Checked): boolean {
  return settings.check !== undefined || upstreams.some((one) => one.settings?.check !== undefined);
}

/** The options that an upstream has instead of its listener's. */
export function ownOf({
  settings: own = {},
}: GivenUpstream): Pick<UpstreamOptions<UpstreamAddress>, "onDown" | "sendProxyProtocol"> {
  const { onDown, sendProxyProtocol } = own;
  return {
    ...(onDown === undefined ? {} : { onDown: onDown.value }),
    ...present("sendProxyProtocol", sendProxyProtocol?.value),
  };
}
