import { policies } from "../upstream/balance/balance.ts";
import { type DnsServer, parseServer } from "../upstream/names/dns-server.ts";
import { accessLogRules } from "./access-log.ts";
import { accountRules } from "./account.ts";
import { parseAddress, parsePorts, parseUpstream } from "./address.ts";
import { adminRules } from "./admin.ts";
import { dnsAllow } from "./dns-allow.ts";
import { edgeRules } from "./edge.ts";
import { fileGroup, fileMode, fileUser } from "./file-access.ts";
import { healthRules, ownHealthRules } from "./health.ts";
import { ipKind } from "./ip.ts";
import { mirrorRules } from "./mirror.ts";
import type { Address, Mode, PortRange, ProxyOptions, UpstreamAddress } from "./options.ts";
import { routeRules } from "./route.ts";
import {
  count,
  duration,
  durationOrOff,
  onOff,
  powerSize,
  type Rule,
  refuse,
  scalar,
  truth,
  type ValuesOf,
  wholeNumber,
  word,
} from "./rule.ts";
import { sourceAddresses } from "./source-address.ts";
import type { GivenValue, Problems, Sourced, Sources } from "./sourced.ts";
import type { UringKey, UringValues } from "./uring.ts";

/** In what form the statistics are printed at exit. */
export type StatsFormat = "text" | "json" | "none";

export const modes: readonly Mode[] = ["bidirectional", "oneway", "sink"];
export const engines: readonly ProxyOptions["engine"][] = ["auto", "sockets", "uring"];
export const statsFormats: readonly StatsFormat[] = ["text", "json", "none"];

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The largest weight of an upstream. */
export const WEIGHT_MAX = 256;

/** The rules of what each listener may have for itself. */
export const listenerRules = {
  mode: word(modes),
  connectTimeout: duration(1, DAY_MS, "1ms…24h"),
  halfCloseTimeout: duration(1, DAY_MS, "1ms…24h"),
  idleTimeout: durationOrOff(10 * SECOND_MS, 720 * HOUR_MS, "10s…720h"),
  clientIdleTimeout: durationOrOff(10 * SECOND_MS, 720 * HOUR_MS, "10s…720h"),
  upstreamIdleTimeout: durationOrOff(10 * SECOND_MS, 720 * HOUR_MS, "10s…720h"),
  keepAlive: durationOrOff(10 * SECOND_MS, 9 * HOUR_MS, "10s…9h"),
  keepAliveInterval: duration(SECOND_MS, HOUR_MS, "1s…1h"),
  keepAliveProbes: count(1, 127),
  unixMode: fileMode,
  unixUser: fileUser,
  unixGroup: fileGroup,
  backlog: count(1, 65_535),
  tcpUserTimeout: durationOrOff(SECOND_MS, 24 * HOUR_MS, "1s…24h"),
  lifetime: durationOrOff(SECOND_MS, 720 * HOUR_MS, "1s…720h"),
  balance: word(policies),
  boundedLoad,
  backupWhenFull: onOff,
  tries: count(1, 16),
  retries: count(0, 100),
  retryPause: duration(1, HOUR_MS, "1ms…1h"),
  dialBudget: durationOrOff(1, DAY_MS, "1ms…24h"),
  queueTimeout: durationOrOff(1, DAY_MS, "1ms…24h"),
  queueSize: count(1, 1_000_000),
  holdTimeout: durationOrOff(1, DAY_MS, "1ms…24h"),
  sourceAddress: sourceAddresses,
  ...healthRules,
  ...edgeRules,
  ...routeRules,
  ...mirrorRules,
};

/** The rules of what is said of one upstream, beside its address. */
export const upstreamRules = {
  weight: count(0, WEIGHT_MAX),
  backup: truth,
  maxRelays: count(0, 10_000_000),
  ...ownHealthRules,
  sendProxyProtocol: edgeRules.sendProxyProtocol,
};

/** The rules of what there is once for the whole proxy, except the group `uring`. */
export const proxyRules = {
  engine: word(engines),
  workers,
  totalRelays: count(0, 10_000_000),
  drainDelay: durationOrOff(1, HOUR_MS, "1ms…1h"),
  drainTimeout: duration(0, DAY_MS, "0…24h"),
  dnsServers,
  dnsMinTtl: duration(SECOND_MS, HOUR_MS, "1s…1h"),
  dnsMaxTtl: duration(SECOND_MS, DAY_MS, "1s…24h"),
  dnsAllow,
  segmentSize: powerSize(4 * KIB, MIB),
  segmentCount,
  ...accessLogRules,
  ...adminRules,
  ...accountRules,
  stats: word(statsFormats),
  verbose: truth,
};

/** The rules of all settings outside of groups, except addresses. */
export const settingRules = { ...listenerRules, ...proxyRules };

/** What the rules make of a listener's own settings. Durations are in milliseconds. */
export type ListenerValues = ValuesOf<typeof listenerRules>;

/** What the rules make of what is said of one upstream. */
export type UpstreamValues = ValuesOf<typeof upstreamRules>;

/** Where a listener is, as it is written. */
export type ListenPlace = Address | PortRange;

/** Where an upstream is, as it is written. */
export type UpstreamPlace = UpstreamAddress | PortRange;

/** An upstream with what is said of it. */
export interface GivenUpstream<Where extends UpstreamPlace = UpstreamAddress>
  extends Sourced<Where> {
  readonly settings?: Sources<UpstreamValues>;
}

/** What the rules make of all settings outside of groups, except addresses. */
export type SettingValues = ValuesOf<typeof settingRules>;

/** A setting: a long flag in camelCase, where `uring.` stands for `--uring-`. */
export type SettingName = "listen" | "upstream" | keyof SettingValues | `uring.${UringKey}`;

/** A listener of a file's list `listeners`. */
export interface ListenerSource {
  /** As {@link GivenValue.label}. */
  readonly label: string;
  readonly name?: Sourced<string>;
  readonly listen?: readonly Sourced<ListenPlace>[];
  readonly upstreams?: readonly GivenUpstream<UpstreamPlace>[];
  readonly settings: Sources<ListenerValues>;
}

/** All that the command line or a file says, each value taken by its rule. */
export interface Source {
  /** As {@link GivenValue.label}, of a file as a whole, if there is one and it could be read. */
  readonly label?: string;
  /** It is a file in which nothing is set. */
  readonly isEmpty?: boolean;
  readonly listen?: readonly Sourced<ListenPlace>[];
  readonly upstream?: readonly GivenUpstream<UpstreamPlace>[];
  /** A file's list of listeners; null when what stands there is none. */
  readonly listeners?: readonly ListenerSource[] | null;
  readonly settings: Sources<SettingValues>;
  readonly uring: Sources<UringValues>;
}

/** A file that could not be read: nothing is known of it, and nothing is taken for granted. */
export const unread: Source = { listen: [], settings: {}, uring: {} };

/** The rule of where clients are accepted. */
export function listenRule(value: unknown): ListenPlace {
  if (typeof value !== "string") return refuse(value, "an address");
  return parsePorts(value, "listener") ?? parseAddress(value, "listener");
}

/** The rule of where relays go. */
export function upstreamRule(value: unknown): UpstreamPlace {
  if (typeof value !== "string") return refuse(value, "an address");
  return parsePorts(value, "upstream") ?? parseUpstream(value);
}

/** Takes an address or a list of them, each by its rule. @returns at least one */
export function takeAddresses<T>(
  given: GivenValue,
  rule: Rule<T>,
  problems: Problems,
): readonly Sourced<T>[] {
  const values: readonly unknown[] = Array.isArray(given.value) ? given.value : [given.value];
  if (values.length > 0) {
    return values.map((value) => problems.take({ value, label: given.label }, rule));
  }
  problems.add(given, "an empty list: expected an address or several");
  return [{ value: null, given: given.value, label: given.label }];
}

/** A listener's name, as the log has it. */
export function listenerName(value: unknown): string {
  if (typeof value === "string" && /^[a-z\d][a-z\d_.-]{0,62}$/i.test(value)) return value;
  return refuse(value, "a name of 1…63 letters, digits, dots, dashes and underscores");
}

/** More threads than any machine has processors for is a mistake. */
export const WORKERS_MAX = 256;

function workers(value: unknown): number {
  if (value === "auto") return Math.min(navigator.hardwareConcurrency, WORKERS_MAX);
  const number = wholeNumber(value);
  if (number >= 1 && number <= WORKERS_MAX) return number;
  return refuse(value, `a whole number of 1…${WORKERS_MAX}, or auto`);
}

/** Most servers that are asked for a name: each of them takes its time when it is silent. */
const DNS_SERVERS_MAX = 8;

/** Who is asked for names: a list, or a text with commas; none for whom the system asks. */
function dnsServers(value: unknown): readonly DnsServer[] {
  const expected = `up to ${DNS_SERVERS_MAX} addresses such as 10.0.0.2 or 127.0.0.1:8600, or system alone`;
  const texts: unknown = typeof value === "string" ? value.split(",") : value;
  if (Bun.deepEquals(texts, ["system"])) return [];
  if (!Array.isArray(texts)) return refuse(value, expected);
  if (texts.length === 0 || texts.length > DNS_SERVERS_MAX) return refuse(value, expected);
  return texts.map((text) => {
    const server = typeof text === "string" ? parseServer(text.trim()) : null;
    if (server === null || ipKind(server.host) === 0) return refuse(text, expected);
    return server.port >= 1 && server.port <= 65_535 ? server : refuse(text, expected);
  });
}

/** How many times its share an upstream may have; null for any number. */
function boundedLoad(value: unknown): number | null {
  if (value === "off" || value === false) return null;
  const times = Number(scalar(value));
  if (times >= 1 && times <= 100) return times;
  return refuse(value, "a number of 1…100, such as 1.25, or off");
}

function segmentCount(value: unknown): number {
  const number = wholeNumber(value);
  return number >= 1 ? number : refuse(value, "a whole number of at least 1");
}
