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

/** What is said of checks of a listener, and of its upstreams for themselves. */
export interface Checked {
  readonly settings: Sources<ListenerValues>;
  readonly upstreams: readonly GivenUpstream[];
}

/** The checks of a listener. */
export interface ListenerChecks {
  /** Of its upstreams that say nothing of their own; null for none. */
  readonly check: CheckOptions | null;
  /** The check of one that does; missing where it has the listener's. */
  readonly of: (upstream: GivenUpstream) => Pick<UpstreamOptions, "check">;
}

/** While an upstream is changing or failing, checks come so much faster. */
const FASTER = 4;

/** What a check is made of beside its listener's settings. */
interface Wish {
  readonly kind: CheckKind;
  readonly address: CheckOptions["address"];
  /** Whether relays to the upstream begin with a PROXY header. */
  readonly sent: ProxyProtocolOut;
  /** How relays to the upstream begin TLS; null: not at all. */
  readonly tls: TlsClientOptions | null;
}

/** Puts together what was given of checks, and tells what cannot be together. */
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
 * Wherever checks of a listener go instead of an upstream's own address, each with where that was said.
 * A port of a service's own hosts is wherever DNS says.
 */
export function checkTargetsOf({ settings, upstreams }: Checked): readonly Sourced<Address>[] {
  const listener = settings.checkAddress;
  const kind = settings.check?.value ?? "none";
  const others = upstreams.flatMap(({ value: upstream, settings: own = {} }) => {
    const given = own.checkAddress ?? listener;
    if (kindOf(own.check?.value ?? "on", kind) === "none") return [];
    return given === undefined ? [] : targetOf(given, upstream);
  });
  // It is the same for all upstreams, and for the one inside where none is given.
  return listener === undefined ? others : [...targetOf(listener, null), ...others];
}

/** @param upstream whose port it may be; null for none */
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
    // `none` is an answer, too: the upstream's own address.
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
    // Somewhere else there may be another server, which is not known to speak TLS.
    tls: tls(kind, address === null || address.kind === "port" ? ofRelays : null),
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

/** Checks begin as relays do, unless they go somewhere else. */
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

/** Which checks a detail is for. */
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
    problems.add(one, `is for check ${DETAILS[key].join(", ")} alone, and this one is ${kind}`);
  }
}

/** What an upstream says of its check, without having one. */
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

/** A port alone is one of the upstream's own host, which a unix socket has not. */
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

/** What checks of every kind have. */
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
 * Tells what is said of checks where there are none. What stands at the top of a file may be for one
 * of its listeners alone, also where flags replace that one, but not for none.
 */
export function rejectCheckless(
  all: readonly Checked[],
  file: { readonly top: Sources<ListenerValues>; readonly listed: readonly Checked[] },
  problems: Problems,
): void {
  const [checked, others] = [all.filter(isChecked), all.filter((given) => !isChecked(given))];
  const isTopUsed = checked.length > 0 || file.listed.some(isChecked);
  const used = new Set([
    ...checked.flatMap(({ settings }) => commonOf(settings)),
    ...(isTopUsed ? commonOf(file.top) : []),
  ]);
  for (const one of new Set(others.flatMap(({ settings }) => commonOf(settings))).difference(used))
    problems.add(one, "needs check");
}

/** What is said of checks in general, but for what is broken, which has been told, or off. */
function commonOf(given: Sources<ListenerValues>): Sourced<unknown>[] {
  return COMMON.flatMap((key): Sourced<unknown>[] => {
    const one = given[key];
    return one === undefined || one.value === null || one.value === false ? [] : [one];
  });
}

function isChecked({ settings, upstreams }: Checked): boolean {
  return settings.check !== undefined || upstreams.some((one) => one.settings?.check !== undefined);
}

/** What is said of an upstream for itself, instead of what its listener says of all. */
export function ownOf({
  settings: own = {},
}: GivenUpstream): Pick<UpstreamOptions<UpstreamAddress>, "onDown" | "sendProxyProtocol"> {
  const { onDown, sendProxyProtocol } = own;
  return {
    ...(onDown === undefined ? {} : { onDown: onDown.value }),
    ...present("sendProxyProtocol", sendProxyProtocol?.value),
  };
}
