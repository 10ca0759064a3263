import { formatAddress } from "../config/address.ts";
import { healthDefaults } from "../config/health.ts";
import { mirrorDefaults } from "../config/mirror.ts";
import {
  ACCESS_LOG_MODE,
  defaults,
  type FileAccess,
  UNIX_MODE,
  type WantedListener,
} from "../config/options.ts";
import { routeDefaults } from "../config/route.ts";
import type { Settings } from "../config/validate.ts";
import { ejectionDefaults, httpDefaults } from "../upstream/health/check-options.ts";
import { dnsTtlDefaults } from "../upstream/names/dns-ttl.ts";
import { kindOf, NOT_SHOWN, textOf } from "./setting-text.ts";

/** A setting before and after, in words with units; what is secret is not repeated. */
export interface SettingChange {
  /** As it is called in a file; of one upstream, `upstream ADDRESS weight`. */
  setting: string;
  before: string;
  after: string;
}

/** Values by the names of their settings. */
type Values = Map<string, unknown>;

/** Behind a value that looks as it did, but for details. */
const OTHERWISE = "but another one";
/** Settings by where their values are, as far as these are not called the same. */
const names: Readonly<Record<string, string>> = {
  "balance.policy": "balance",
  sourceAddresses: "sourceAddress",
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
  "dnsTtl.minMs": "dnsMinTtl",
  "dnsTtl.maxMs": "dnsMaxTtl",
  "accessLog.target": "accessLog",
  "accessLog.target.path": "accessLog",
  "admin.address": "admin",
  "admin.readyWhen": "readyWhen",
  "uring.sqPollIdleMs": "uring.sqpoll",
  "uring.waitTimeoutMicros": "uring.waitTimeout",
  "uring.napiTimeoutMicros": "uring.napiTimeout",
};

/** Groups whose settings are called by the group, too: `unixMode`. */
const prefixes: readonly (readonly [string, string])[] = [
  ["health.check.tls.", "checkTls"],
  ["health.check.", "check"],
  ["unix.", "unix"],
  ["admin.unix.", "unix"],
  ["admin.", "admin"],
  ["accessLog.", "accessLog"],
  ["mirror.", "mirror"],
  ["route.", "route"],
];

/** What follows from others, or is told otherwise. */
const passedOver: ReadonlySet<string> = new Set([
  "listeners",
  "reserved",
  "overrides",
  "address",
  "upstreams",
  "upstreamInside",
  "mirror.sourceAddresses",
  "edge.gate",
  "health.check.kind",
  "health.check.role",
  "health.check.sources",
  "health.check.fastIntervalMs",
  "health.check.jitter",
  "health.ejection.withinMs",
  "health.ejection.mostMs",
]);

/** Which settings of a listener differ. */
export function listenerChanges(before: WantedListener, after: WantedListener): SettingChange[] {
  const [one, other] = [before, after].map(
    ({ upstreams }) => new Set(upstreams.map(({ address }) => formatAddress(address))),
  ) as [Set<string>, Set<string>];
  const common = one.intersection(other);
  return changes(valuesOf(before, common), valuesOf(after, common));
}

/** What is said once for a whole proxy, as far as whoever compares has to do with it. */
export type WholeProxy = Partial<Omit<Settings, "listeners" | "overrides">>;

/** Which settings of the whole proxy differ: all that there are on either side, but for its listeners. */
export function proxyChanges(before: WholeProxy, after: WholeProxy): SettingChange[] {
  return changes(walked(filledUp(before)), walked(filledUp(after)));
}

/** What says more of something that is not there has its defaults, as if it were. */
function filledUp(whole: WholeProxy): object {
  const { drainDelayMs = defaults.drainDelayMs, dnsTtl = dnsTtlDefaults, dnsAllow = [] } = whole;
  const accessLog = whole.accessLog ?? NO_ACCESS_LOG;
  const admin = whole.admin ?? NO_ADMIN;
  const account = whole.account ?? NO_ACCOUNT;
  return { ...whole, drainDelayMs, dnsTtl, dnsAllow, accessLog, admin, account };
}

const ofProcess = (mode: number): FileAccess => ({ mode, user: null, group: null });
const NO_ACCESS_LOG = {
  target: null,
  access: ofProcess(ACCESS_LOG_MODE),
  starts: defaults.accessLogStarts,
  everyMs: 0,
};
const NO_ADMIN = {
  address: null,
  token: null,
  readToken: null,
  readyWhen: defaults.readyWhen,
  unix: ofProcess(UNIX_MODE),
};
const NO_ACCOUNT = { user: null, group: null };

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
  const asked = {
    ...UNCHECKED,
    ...check,
    proxyProtocol: headerOf(listener),
    tls: { ...WITHOUT_TLS, ...check?.tls },
  };
  const health = { ...listener.health, check: asked, ejection: ejection ?? NEVER_EJECTED };
  const mirror = listener.mirror ?? { address: null, ...mirrorDefaults };
  const route = listener.route ?? { hook: null, ...routeDefaults };
  const values = walked({ ...listener, health, mirror, route });
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

/** What its checks begin with, where that is not what it is unless something else is said. */
function headerOf({ health: { check }, edge }: WantedListener): string {
  const auto = check?.address === null ? edge.sendProxyProtocol : "off";
  const sent = check?.proxyProtocol ?? auto;
  return sent === auto ? healthDefaults.proxyProtocol : sent;
}

const UNCHECKED = {
  intervalMs: healthDefaults.intervalMs,
  timeoutMs: healthDefaults.timeoutMs,
  rise: healthDefaults.rise,
  fall: healthDefaults.fall,
  address: null,
  ...httpDefaults,
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
