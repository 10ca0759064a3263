import { formatAddress } from "../config/address.ts";
import type { NetworkList } from "../config/edge.ts";
import { healthDefaults } from "../config/health.ts";
import { mirrorDefaults } from "../config/mirror.ts";
import type { Address, WantedListener } from "../config/options.ts";
import { formatCount, formatDuration, formatMicros } from "../config/quantity.ts";
import { tight } from "../config/rule.ts";
import { formatNetwork } from "../edge/access/networks.ts";
import {
  type CheckOptions,
  ejectionDefaults,
  type OwnPort,
} from "../upstream/health/check-options.ts";

/** A setting before and after, in words with units; what is secret is not repeated. */
export interface SettingChange {
  /** As it is called in a file; of one upstream, `upstream ADDRESS weight`. */
  setting: string;
  before: string;
  after: string;
}

/** Values by the names of their settings. */
type Values = Map<string, unknown>;

/** What is told of a value that must not be repeated, or that nobody could read. */
const NOT_SHOWN = "(not shown)";
/** Behind a value that looks as it did, but for details. */
const OTHERWISE = "but another one";
/** Instead of a value: there is none. */
const NONE = "none";

/** Settings by where their values are, as far as these are not called the same. */
const names: Readonly<Record<string, string>> = {
  "balance.policy": "balance",
  "dial.budgetMs": "dialBudget",
  "dial.queueMs": "queueTimeout",
  "dial.queueMax": "queueSize",
  "dial.holdMs": "holdTimeout",
  "edge.refusal": "refuse",
  "health.ejection.failures": "ejectAfter",
  "health.ejection.baseMs": "ejectTime",
  "health.panicPercent": "panicThreshold",
  "health.check.tls.serverName": "checkTlsName",
  "health.check.tls.identity": "checkTlsCert, checkTlsKey",
  "health.check.steps": "checkSend, checkExpect",
  "route.hook": "route",
  "mirror.address": "mirror",
  "mirror.bufferSize": "mirrorBuffer",
  "uring.sqPollIdleMs": "uring.sqpoll",
  "uring.waitTimeoutMicros": "uring.waitTimeout",
  "uring.napiTimeoutMicros": "uring.napiTimeout",
};

/** Groups whose settings are called by the group, too: `unixMode`. */
const prefixes: readonly (readonly [string, string])[] = [
  ["health.check.tls.", "checkTls"],
  ["health.check.", "check"],
  ["unix.", "unix"],
  ["mirror.", "mirror"],
  ["route.", "route"],
];

/** What follows from others, or is told otherwise. */
const passedOver: ReadonlySet<string> = new Set([
  "address",
  "upstreams",
  "upstreamInside",
  "edge.gate",
  "health.check.kind",
  "health.check.role",
  "health.check.fastIntervalMs",
  "health.check.jitter",
  "health.ejection.withinMs",
  "health.ejection.mostMs",
]);

/** What is a secret, may have one in it, or is a file's content. */
const notShown = /^(check(Password|Send|Expect|TlsCa|TlsCert|TlsKey)\b|admin.*Token|route$)/;

/** Which settings of a listener differ. */
export function listenerChanges(before: WantedListener, after: WantedListener): SettingChange[] {
  const [one, other] = [before, after].map(
    ({ upstreams }) => new Set(upstreams.map(({ address }) => formatAddress(address))),
  ) as [Set<string>, Set<string>];
  const common = one.intersection(other);
  return changes(valuesOf(before, common), valuesOf(after, common));
}

/** Which of these settings of the whole proxy differ. @param before by their names, times with `Ms` */
export function proxyChanges(before: object, after: object): SettingChange[] {
  return changes(walked(before), walked(after));
}

function changes(before: Values, after: Values): SettingChange[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((setting) => !Bun.deepEquals(before.get(setting), after.get(setting), true))
    .map((setting) => change(setting, before.get(setting), after.get(setting)));
}

function change(setting: string, before: unknown, after: unknown): SettingChange {
  const texts = { before: textOf(setting, before), after: textOf(setting, after) };
  if (texts.before !== texts.after || texts.before === NOT_SHOWN) return { setting, ...texts };
  // They differ by less than words say.
  if (typeof before === "number" && typeof after === "number") {
    return { setting, before: String(before), after: String(after) };
  }
  return { setting, before: texts.before, after: `${texts.after}, ${OTHERWISE}` };
}

/** @param common upstreams that both have: of others it is enough that they are there or are not */
function valuesOf(listener: WantedListener, common: ReadonlySet<string>): Values {
  const { check, ejection } = listener.health;
  // What says more of something that is not there has its defaults, as if it were.
  const asked = { ...UNCHECKED, ...check, tls: { ...WITHOUT_TLS, ...check?.tls } };
  const health = { ...listener.health, check: asked, ejection: ejection ?? NEVER_EJECTED };
  const mirror = listener.mirror ?? { address: null, ...mirrorDefaults };
  const values = walked({ ...listener, health, mirror });
  values.set("check", check === null ? null : kindOf(check));
  values.set("checkTls", (check?.tls ?? null) !== null);
  for (const { address, weight, isBackup, maxRelays, ...own } of listener.upstreams) {
    const name = `upstream ${formatAddress(address)}`;
    if (!common.has(formatAddress(address))) {
      values.set(name, "there");
      continue;
    }
    values.set(`${name} weight`, weight);
    values.set(`${name} backup`, isBackup);
    values.set(`${name} maxRelays`, maxRelays);
    values.set(`${name} onDown`, own.onDown === undefined ? AS_LISTENER : own.onDown);
    values.set(`${name} sendProxyProtocol`, own.sendProxyProtocol ?? AS_LISTENER);
    values.set(`${name} check`, own.check === undefined ? AS_LISTENER : own.check);
  }
  return values;
}

const UNCHECKED = {
  intervalMs: healthDefaults.intervalMs,
  timeoutMs: healthDefaults.timeoutMs,
  rise: healthDefaults.rise,
  fall: healthDefaults.fall,
  address: null,
  proxyProtocol: "off",
};
const WITHOUT_TLS = { serverName: null, verify: true, ca: null, identity: null, alpn: [] };
const NEVER_EJECTED = { ...ejectionDefaults, failures: 0 };

/** What an upstream says nothing of. */
const AS_LISTENER = "as its listener";

/** All values within, by their settings' names. */
function walked(options: object): Values {
  const values: Values = new Map();
  const walk = (value: unknown, path: string) => {
    if (passedOver.has(path)) return;
    if (isGroup(value)) {
      for (const [key, one] of Object.entries(value))
        walk(one, path === "" ? key : `${path}.${key}`);
    } else {
      values.set(nameOf(path), value);
    }
  };
  walk(options, "");
  return values;
}

/** Whether settings are in it, and it is not the value of one. */
function isGroup(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  const keys = ["networks", "tarpitMs", "least", "cert", "network"];
  const isAddress = "kind" in value && ("host" in value || "path" in value || "port" in value);
  return !(isAddress && !("intervalMs" in value)) && !keys.some((key) => key in value);
}

function nameOf(path: string): string {
  const known = names[path];
  if (known !== undefined) return known;
  const prefix = prefixes.find(([group]) => path.startsWith(group));
  const last = path.slice(path.lastIndexOf(".") + 1).replace(/Ms$/, "");
  if (prefix !== undefined) return `${prefix[1]}${last.charAt(0).toUpperCase()}${last.slice(1)}`;
  return path.startsWith("uring.") ? `uring.${last}` : last;
}

/** Settings of which 0 is no time, but that there is none. */
const isTime = /(Timeout|Pause|Time|Interval|Budget|lifetime|slowStart|keepAlive|Ttl|sqpoll)$/;

function textOf(setting: string, value: unknown): string {
  if (/^upstream \S+$/.test(setting)) return value === undefined ? "not there" : String(value);
  if (setting.endsWith(" check") && isCheck(value)) return kindOf(value);
  if (notShown.test(setting)) return value === undefined || value === null ? NONE : NOT_SHOWN;
  if (/\bon(Down|Remove)$/.test(setting)) return farewell(value);
  if (value === undefined || value === null) return NONE;
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") return numberText(setting, value);
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? NONE : value.map(itemText).join(", ");
  return objectText(value as object);
}

function numberText(setting: string, value: number): string {
  if (/^uring\.(wait|napi)Timeout$/.test(setting)) return formatMicros(value);
  if (isTime.test(setting) || setting === "drainTimeout") {
    return value === 0 ? "off" : formatDuration(value);
  }
  if (setting === "unixMode") return `0${value.toString(8)}`;
  if (/^(upRate|downRate)$/.test(setting)) return value === 0 ? "off" : `${tight(value)}/s`;
  if (/(Size|Buffer)$/.test(setting) && setting !== "queueSize") return tight(value);
  return Number.isInteger(value) ? formatCount(value) : String(value);
}

function itemText(item: unknown): string {
  if (typeof item === "string") return item;
  const { host, port } = item as { readonly host?: string; readonly port?: number };
  if (host !== undefined && port !== undefined) return formatAddress({ kind: "tcp", host, port });
  return "a network";
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

function kindOf({ kind, role }: CheckOptions): string {
  return role === undefined || role === "any" ? kind : `${kind}-${role}`;
}
