import { formatAddress } from "../config/address.ts";
import type { DnsNetwork } from "../config/dns-allow.ts";
import type { NetworkList } from "../config/edge.ts";
import type { Address } from "../config/options.ts";
import { formatCount, formatDuration, formatMicros } from "../config/quantity.ts";
import { tight } from "../config/rule.ts";
import { formatNetwork } from "../edge/access/networks.ts";
import type { CheckOptions, OwnPort } from "../upstream/health/check-options.ts";
import type { DnsServer } from "../upstream/names/dns-server.ts";

/** What is told of a value that must not be repeated, or that nobody could read. */
export const NOT_SHOWN = "(not shown)";
/** Instead of a value: there is none. */
const NONE = "none";
/** The same where the file has another word for it. */
const absent: Readonly<Record<string, string>> = {
  boundedLoad: "off",
  route: "off",
  dnsServers: "system",
  dnsAllow: "any",
  unixUser: "the process's",
  unixGroup: "the process's",
  accessLogUser: "the process's",
  accessLogGroup: "the process's",
};

/** What is a secret, may have one in it, or is a file's content. */
const notShown = /^(check(Password|Send|Expect|TlsCa|TlsCert|TlsKey)\b|admin.*Token|route$)/;

/** Numbers that are milliseconds. */
const isTime =
  /(Timeout|Pause|Time|Interval|Budget|lifetime|slowStart|keepAlive|Ttl|sqpoll|Delay|Every)$/;

/**
 * The value of a setting in the words of a file.
 *
 * @param setting as it is called there; of one upstream, `upstream ADDRESS weight`
 */
export function textOf(setting: string, value: unknown): string {
  if (/^upstream \S+$/.test(setting)) return value === undefined ? "not there" : String(value);
  if (setting.endsWith(" check") && isCheck(value)) return kindOf(value);
  const none = absent[setting] ?? NONE;
  if (notShown.test(setting)) return value === undefined || value === null ? none : NOT_SHOWN;
  if (/\bon(Down|Up|Remove)$/.test(setting)) return farewell(value);
  if (value === undefined || value === null) return none;
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") return numberText(setting, value);
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? none : value.map(itemText).join(", ");
  return objectText(value as object);
}

function numberText(setting: string, value: number): string {
  if (/^uring\.(wait|napi)Timeout$/.test(setting)) return formatMicros(value);
  if (isTime.test(setting)) return value === 0 ? noTime(setting) : formatDuration(value);
  if (/^(unix|accessLog)Mode$/.test(setting)) return `0${value.toString(8)}`;
  if (/^(unix|accessLog)(User|Group)$/.test(setting)) return String(value);
  if (/^(client|network)Rate$/.test(setting) && value === 0) return "off";
  if (setting === "uring.waitCount" && value === 0) return "adaptive";
  if (/^(upRate|downRate)$/.test(setting)) return value === 0 ? "off" : `${tight(value)}/s`;
  if (/(Size|Buffer)$/.test(setting) && setting !== "queueSize") return tight(value);
  return Number.isInteger(value) ? formatCount(value) : String(value);
}

/** Of nearly all settings 0 is no time, but that there is none. */
function noTime(setting: string): string {
  return setting === "drainTimeout" ? "0s" : "off";
}

/** An item of a list: an address, a DNS server, or where DNS may send relays. */
function itemText(item: string | DnsServer | DnsNetwork): string {
  if (typeof item === "string") return item;
  if ("host" in item) return formatAddress({ kind: "tcp", ...item });
  const network = formatNetwork(item.network);
  if (item.ports === null) return network;
  const [first, last] = item.ports;
  const place = network.includes(":") ? `[${network}]` : network;
  return `${place}:${first}${first === last ? "" : `-${last}`}`;
}

function farewell(value: unknown): string {
  if (typeof value !== "number")
    return value === null || value === undefined ? "keep" : String(value);
  return value === 0 ? "close" : formatDuration(value);
}

function objectText(value: object): string {
  if ("tarpitMs" in value) return formatDuration(value.tarpitMs as number);
  if ("networks" in value) return networksText(value as NetworkList);
  if ("least" in value && "most" in value) return `${value.least}-${value.most}`;
  if (!("kind" in value)) return NOT_SHOWN;
  const address = value as Address | OwnPort;
  return address.kind === "port" ? `:${address.port}` : formatAddress(address);
}

function networksText({ networks, files }: NetworkList): string {
  const all = [...networks.map(formatNetwork), ...files.map((file) => `file:${file}`)];
  return all.length === 0 ? NONE : all.join(", ");
}

function isCheck(value: unknown): value is CheckOptions {
  return typeof value === "object" && value !== null && "intervalMs" in value;
}

/** What a file calls a check: `redis-primary`. */
export function kindOf({ kind, role }: CheckOptions): string {
  return role === undefined || role === "any" ? kind : `${kind}-${role}`;
}
