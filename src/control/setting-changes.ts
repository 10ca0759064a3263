import { formatAddress } from "../base/address.ts";
import type { WantedListener } from "../config/options.ts";
import { NOT_SHOWN } from "../config/table/kind.ts";
import { type Setting, type Table, valueAt } from "../config/table/setting.ts";
import { listenerTable, proxyTable, upstreamTable, uringTable } from "../config/table/table.ts";
import type { Settings } from "../config/validate.ts";
import type { CheckOptions } from "../upstream/health/check-options.ts";

/** A setting before and after, in words with units; what is secret is not repeated. */
export interface SettingChange {
  /** As it is called in a file; of one upstream, `upstream ADDRESS weight`. */
  setting: string;
  before: string;
  after: string;
}

/** A value with the words for it. */
interface Told {
  readonly value: unknown;
  readonly text: string;
}

/** Values by the names of their settings. */
type Values = Map<string, Told>;

/** Behind a value that looks as it did, but for details. */
const OTHERWISE = "but another one";
/** Instead of a value: there is none. */
const NONE = "none";

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
  return changes(ofProxy(before), ofProxy(after));
}

function changes(before: Values, after: Values): SettingChange[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((setting) => ({ setting, one: before.get(setting), other: after.get(setting) }))
    .filter(({ one, other }) => !Bun.deepEquals(one?.value, other?.value, true))
    .map(({ setting, one, other }) => change(setting, one ?? MISSING, other ?? MISSING));
}

const MISSING: Told = { value: undefined, text: "not there" };

function change(setting: string, before: Told, after: Told): SettingChange {
  const texts = { before: before.text, after: after.text };
  if (texts.before !== texts.after || texts.before === NOT_SHOWN) return { setting, ...texts };
  // They differ by less than words say.
  if (typeof before.value === "number" && typeof after.value === "number") {
    return { setting, before: String(before.value), after: String(after.value) };
  }
  return { setting, before: texts.before, after: `${texts.after}, ${OTHERWISE}` };
}

/** The settings of a table that have a place among these options. @param prefix of their names */
function walked(options: object, table: Table, prefix = "", own: Odd = {}): Values {
  const values: Values = new Map();
  for (const [key, setting] of Object.entries(table)) {
    const odd = own[key];
    if (odd === undefined && setting.at === "") continue;
    const value = (odd === undefined ? valueAt(options, setting.at) : odd) ?? setting.fallback;
    values.set(prefix + key, { value, text: textOf(setting, value) });
  }
  return values;
}

/** Values by their keys of which functions have made something else. */
type Odd = Readonly<Record<string, unknown>>;

function ofProxy(whole: WholeProxy): Values {
  const { accessLog = null, admin = null, account = null, uring = {} } = whole;
  const values = walked(whole, proxyTable, "", {
    accessLog: accessLog?.target === "stdout" ? "stdout" : (accessLog?.target.path ?? NONE),
    admin: admin?.address ?? NONE,
    adminToken: admin?.token ?? NONE,
    adminReadToken: admin?.readToken ?? NONE,
    user: account?.user ?? NONE,
    group: account?.group ?? NONE,
  });
  const { unixMode, unixUser, unixGroup } = listenerTable;
  const socket = walked(admin ?? {}, { unixMode, unixUser, unixGroup });
  return new Map([...values, ...socket, ...walked(uring, uringTable, "uring.")]);
}

/** @param common upstreams that both have: of others it is enough that they are there or are not */
function valuesOf(listener: WantedListener, common: ReadonlySet<string>): Values {
  const { upstreamTls } = listener;
  const { check, ejection } = listener.health;
  const checkTls = check?.tls ?? null;
  // Then what is said of the upstreams' TLS holds for it, too.
  const isAlike = Bun.deepEquals(checkTls, upstreamTls);
  const values = walked(isAlike ? withoutCheckTls(listener) : listener, listenerTable, "", {
    check: check === null ? NONE : kindOf(check),
    checkTls: isAlike ? null : checkTls !== null,
    upstreamTls: upstreamTls !== null,
    checkProxyProtocol: headerOf(listener),
    ejectAfter: ejection?.failures ?? 0,
  });
  const { name = NONE } = listener;
  values.set("name", { value: name, text: name });
  hide(values, "checkTlsCert, checkTlsKey", isAlike ? null : checkTls?.identity);
  hide(values, "upstreamTlsCert, upstreamTlsKey", upstreamTls?.identity);
  hide(values, "checkSend, checkExpect", check?.steps);
  for (const { address, weight, isBackup, maxRelays, ...own } of listener.upstreams) {
    const upstream = `upstream ${formatAddress(address)}`;
    if (!common.has(formatAddress(address))) {
      values.set(upstream, { value: true, text: "there" });
      continue;
    }
    const tell = (key: keyof typeof upstreamTable, value: unknown) =>
      values.set(`${upstream} ${key}`, {
        value,
        text: value === undefined ? AS_LISTENER : textOf(upstreamTable[key] as Setting, value),
      });
    tell("weight", weight);
    tell("backup", isBackup);
    tell("maxRelays", maxRelays);
    tell("onDown", own.onDown);
    tell("sendProxyProtocol", own.sendProxyProtocol);
    tell("upstreamTls", own.tls === undefined ? undefined : own.tls !== null);
    tell("upstreamTlsName", own.tls?.serverName ?? undefined);
    const { check: ownCheck } = own;
    values.set(`${upstream} check`, {
      value: ownCheck,
      text: ownCheck === undefined ? AS_LISTENER : ownCheck === null ? NONE : kindOf(ownCheck),
    });
  }
  return values;
}

function withoutCheckTls(listener: WantedListener): WantedListener {
  const { health } = listener;
  const check = health.check === null ? null : { ...health.check, tls: null };
  return { ...listener, health: { ...health, check } };
}

/** What its checks begin with, where that is not what it is unless something else is said. */
function headerOf({ health: { check }, edge }: WantedListener): string {
  const auto = check?.address === null ? edge.sendProxyProtocol : "off";
  const sent = check?.proxyProtocol ?? auto;
  return sent === auto ? listenerTable.checkProxyProtocol.fallback : sent;
}

function hide(values: Values, setting: string, value: unknown): void {
  const isThere = value !== undefined && value !== null;
  values.set(setting, { value: value ?? null, text: isThere ? NOT_SHOWN : NONE });
}

/** What an upstream says nothing of. */
const AS_LISTENER = "as its listener";

/** A value in the words of a file. */
function textOf(setting: Setting, value: unknown): string {
  const { is, initial, unless, fallback } = setting;
  if (Bun.deepEquals(value, fallback, true)) {
    return typeof initial === "string"
      ? initial
      : (unless ?? (initial === undefined ? NONE : is.show(value)));
  }
  // An empty text stands for none.
  return value === "" || value === null || value === undefined ? NONE : is.show(value);
}

function kindOf({ kind, role }: CheckOptions): string {
  return role === undefined || role === "any" ? kind : `${kind}-${role}`;
}
