import { formatAddress } from "../config/address.ts";
import type { WantedListener } from "../config/options.ts";
import { NOT_SHOWN } from "../config/table/kind.ts";
import { type Setting, type Table, valueAt } from "../config/table/setting.ts";
import { listenerTable, proxyTable, upstreamTable, uringTable } from "../config/table/table.ts";
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

/** Which of these settings of the whole proxy differ. @param before as of `ProxyOptions` */
export function proxyChanges(before: object, after: object): SettingChange[] {
  const [one, other] = [before, after].map(ofProxy) as [Values, Values];
  return changes(one, other);
}

/** The settings of the whole proxy that differ and that a running one cannot change, as they are called. */
export function restartsFor(before: object, after: object): string[] {
  const needing = proxyChanges(before, after).flatMap(({ setting }) => {
    if (setting.startsWith("uring.")) return ["uring"];
    const { needsRestart } = (proxyTable as Table)[setting] as Setting;
    return needsRestart === true ? [setting] : [];
  });
  return [...new Set(needing)];
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

function ofProxy(options: object): Values {
  const uring = walked(valueAt(options, "uring") ?? {}, uringTable, "uring.");
  return new Map([...walked(options, proxyTable), ...uring]);
}

/** @param common upstreams that both have: of others it is enough that they are there or are not */
function valuesOf(listener: WantedListener, common: ReadonlySet<string>): Values {
  const { check, ejection } = listener.health;
  const values = walked(listener, listenerTable, "", {
    check: check === null ? NONE : kindOf(check),
    checkTls: (check?.tls ?? null) !== null,
    checkProxyProtocol: check?.proxyProtocol ?? "off",
    ejectAfter: ejection?.failures ?? 0,
  });
  const { name = NONE } = listener;
  values.set("name", { value: name, text: name });
  hide(values, "checkTlsCert, checkTlsKey", check?.tls?.identity);
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
    const { check: ownCheck } = own;
    values.set(`${upstream} check`, {
      value: ownCheck,
      text: ownCheck === undefined ? AS_LISTENER : ownCheck === null ? NONE : kindOf(ownCheck),
    });
  }
  return values;
}

function hide(values: Values, setting: string, value: unknown): void {
  const isThere = value !== undefined && value !== null;
  values.set(setting, { value: value ?? null, text: isThere ? NOT_SHOWN : NONE });
}

/** What an upstream says nothing of. */
const AS_LISTENER = "as its listener";

function textOf({ is, initial, fallback }: Setting, value: unknown): string {
  // None of a kind that has no word for it, or an empty text that stands for it.
  const isNone = value === "" || (value === null && (initial === undefined || fallback !== null));
  return isNone || value === undefined ? NONE : is.show(value);
}

function kindOf({ kind, role }: CheckOptions): string {
  return role === undefined || role === "any" ? kind : `${kind}-${role}`;
}
