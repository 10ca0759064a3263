import type { Address } from "../base/address.ts";
import { ConfigError, describe } from "../base/error.ts";
import { formatCount, formatCounted, formatDuration, formatSize } from "../base/quantity.ts";
import { type DnsTtl, dnsTtlDefaults } from "../upstream/names/dns-ttl.ts";
import { accessLogOf } from "./access-log.ts";
import { accountOf } from "./account.ts";
import { adminOf } from "./admin.ts";
import { defaults } from "./defaults.ts";
import { type FileListeners, listenersOf, plainUpstream } from "./listeners.ts";
import { rejectAdmin } from "./loops.ts";
import type {
  AccessLogOptions,
  AccountOptions,
  AdminOptions,
  MemoryOptions,
  ProxyOptions,
  UringOptions,
  WantedListener,
} from "./options.ts";
import { type RangedGroup, upstreamsAt, withoutRanges } from "./ports.ts";
import {
  givenUpstream,
  listenRule,
  type SettingName,
  type Source,
  takeAddresses,
  upstreamRule,
} from "./settings.ts";
import { type GivenValue, isBroken, Problems, type Sourced, type Sources } from "./sourced.ts";
import { type OptionsIn, optionsIn, type Table, type ValuesIn } from "./table/setting.ts";
import {
  proxyTable,
  type SettingValues,
  settingTable,
  type UringValues,
  uringTable,
} from "./table/table.ts";
import { uring } from "./uring.ts";

/** The values of the command line, not read yet. */
export type Given = { readonly [name in SettingName]?: GivenValue };

/** Finished settings, with defaults and without contradictions. */
export interface Settings extends OptionsIn<typeof proxyTable, ""> {
  /**
   * At least one. Without upstreams, and unless its mode is `sink`, it relays to the embedded one.
   */
  readonly listeners: readonly WantedListener[];
  readonly dnsTtl: DnsTtl;
  readonly memory: MemoryOptions;
  readonly uring: UringOptions;
  readonly accessLog: AccessLogOptions | null;
  /** Null for no admin server. */
  readonly admin: AdminOptions | null;
  /** Null to stay the user that started ringway. */
  readonly account: AccountOptions | null;
  /** Sentences about settings of the file's listeners that flags override. */
  readonly overrides: readonly string[];
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** The most bytes that an engine may receive at once: a quarter of the least memory. */
const CHUNK = 512 * KIB;

/**
 * Turns flags and a file into finished settings.
 *
 * @param given the command line's values, which win over the file's
 * @param earlier problems that were found before
 * @throws ConfigError with all problems, earlier ones too
 */
export function validate(
  given: Given,
  file: Source | null = null,
  earlier: readonly string[] | Problems = [],
): Settings {
  const problems = new Problems(earlier);
  const line = takeFlags(given, problems);
  const settings = { ...file?.settings, ...line.settings };
  const groupOfUring = { ...file?.uring, ...line.uring };
  const groups = groupsOf(line, file, problems).flatMap((one) => withoutRanges(one, problems));
  if (groups.length > 0 && groups.every(isOnSockets)) rejectUring(groupOfUring, problems);
  rejectAdmin(groups, settings.admin, problems);
  const finished: Settings = {
    listeners: listenersOf(groups, problems, inFile(file)),
    ...optionsIn(proxyTable, "", settings),
    dnsTtl: dnsTtl(settings, problems),
    memory: memory(settings, problems),
    uring: uring(groupOfUring, problems),
    accessLog: accessLogOf(settings, problems),
    admin: adminOf(settings, problems),
    account: accountOf(settings, problems),
    overrides: overridesOf(line, file),
  };
  if (!problems.isEmpty) throw new ConfigError(problems.sentences);
  return finished;
}

/**
 * The options to start the proxy with.
 *
 * @param embedded the address of the embedded upstream, for listeners without upstreams; may be
 *   empty
 *   if there is no such listener
 * @param admin where the admin server listens; null for none
 */
export function proxyOptions(
  settings: Settings,
  embedded: readonly Address[],
  admin: Address | null = null,
): ProxyOptions {
  const { listeners, accessLog, admin: _, account, overrides, stats, verbose, ...rest } = settings;
  const inside = { upstreams: embedded.map(plainUpstream), upstreamInside: true };
  return {
    ...rest,
    listeners: listeners.map((one) => (needsEmbedded(one) ? { ...one, ...inside } : one)),
    reserved: [...embedded, ...(admin === null ? [] : [admin])],
  };
}

/** Whether a listener relays to the embedded upstream because it was given none. */
export function needsEmbedded({ mode, upstreams }: WantedListener): boolean {
  return mode !== "sink" && upstreams.length === 0;
}

function takeFlags(given: Given, problems: Problems): Source {
  const { listen, upstream } = given;
  return {
    ...(listen === undefined ? {} : { listen: takeAddresses(listen, listenRule, problems) }),
    ...(upstream === undefined
      ? {}
      : {
          upstream: takeAddresses(upstream, upstreamRule, problems).map((one) =>
            givenUpstream(one, undefined, problems),
          ),
        }),
    settings: takeAll(settingTable, (key) => given[key], problems),
    uring: takeAll(uringTable, (key) => given[`uring.${key}`], problems),
  };
}

/** Reads the given values of a table, each by its rule. */
function takeAll<Entries extends Table>(
  entries: Entries,
  find: (key: keyof Entries) => GivenValue | undefined,
  problems: Problems,
): Sources<ValuesIn<Entries>> {
  const taken: Record<string, Sourced<unknown>> = {};
  for (const [key, { is }] of Object.entries(entries)) {
    const given = find(key);
    if (given !== undefined) taken[key] = problems.take(given, is.rule);
  }
  return taken as Sources<ValuesIn<Entries>>;
}

/**
 * The groups of listeners: those of the file's list, or one group with the addresses outside of it.
 *
 * Flags win over the file: a flag with an address replaces the whole list, and other flags apply to
 * every listener, whatever it says itself.
 */
function groupsOf(line: Source, file: Source | null, problems: Problems): RangedGroup[] {
  const shared = { ...file?.settings, ...line.settings };
  const upstreams = line.upstream ?? file?.upstream ?? [];
  const isReplaced = line.listen !== undefined || line.upstream !== undefined;
  if (file?.listeners === undefined || isReplaced) {
    const initial = [{ value: defaults.listen, given: defaults.listen, label: "defaults" }];
    const listen = line.listen ?? file?.listen ?? initial;
    const group = { listen, upstreams, ownUpstreams: true, settings: shared };
    if (file !== null) rejectDemo(group, file, line, problems);
    return [{ label: "defaults", ...group }];
  }
  const groups = (file.listeners ?? []).map((source) => ({
    ...source,
    listen: source.listen ?? [],
    upstreams: source.upstreams ?? upstreams,
    ownUpstreams: source.upstreams !== undefined,
    settings: { ...file.settings, ...source.settings, ...line.settings },
  }));
  for (const group of groups) if (lacksUpstreams(group)) problems.add(group, NO_UPSTREAMS);
  return groups;
}

/** A flag applies to all listeners, even to those that say something else themselves. */
function overridesOf(line: Source, file: Source | null): string[] {
  if (line.listen !== undefined || line.upstream !== undefined) return [];
  const flags: Readonly<Record<string, Sourced<unknown> | undefined>> = line.settings;
  return Object.entries(flags).flatMap(([key, flag]) => {
    if (flag === undefined) return [];
    const others = (file?.listeners ?? []).flatMap(({ settings }) => {
      const own = (settings as typeof flags)[key];
      return own === undefined || Bun.deepEquals(own.value, flag.value) ? [] : [own.label];
    });
    const [first, ...more] = others;
    if (first === undefined) return [];
    const rest = more.length === 0 ? "" : ` and ${formatCounted(more.length, "more listener")}`;
    return [`${flag.label} overrides ${first}${rest}`];
  });
}

function inFile(file: Source | null): FileListeners {
  const top = file?.settings ?? {};
  const listed = (file?.listeners ?? []).map(({ settings, upstreams }) => ({
    settings: { ...top, ...settings },
    upstreams: upstreamsAt(upstreams ?? file?.upstream ?? [], 0),
  }));
  return { top, listed };
}

const NO_UPSTREAMS = "has no upstreams: expected at least one, or mode sink";

type Relaying = Pick<RangedGroup, "upstreams" | "settings">;

function lacksUpstreams({ upstreams, settings: { mode } }: Relaying): boolean {
  return upstreams.length === 0 && mode?.value !== "sink" && !isBroken(mode);
}

/**
 * Refuses a file without upstreams or without any key: it was probably cut short, and then neither
 * the embedded upstream nor the defaults may take over.
 */
function rejectDemo(group: Relaying, file: Source, line: Source, problems: Problems): void {
  if (file.label === undefined) return;
  if (file.isEmpty) {
    // Refused whatever the flags say: at a reload, its listener would be another one.
    const expected = lacksUpstreams(group) ? "one upstream, or mode sink" : "one setting";
    problems.add({ label: file.label }, `is empty, without any key: expected at least ${expected}`);
  } else if (!lacksUpstreams(group)) {
    return;
  } else if (file.listeners !== undefined) {
    const [listen] = line.listen ?? [];
    const expected = "expected --upstream, upstream at the top of the file, or mode sink";
    problems.add(listen, `replaces the list listeners, which has all upstreams: ${expected}`);
  } else {
    problems.add({ label: file.label }, NO_UPSTREAMS);
  }
}

function dnsTtl({ dnsMinTtl, dnsMaxTtl }: Sources<SettingValues>, problems: Problems): DnsTtl {
  const { minMs, maxMs } = dnsTtlDefaults;
  const least = dnsMinTtl?.value ?? minMs;
  const most = dnsMaxTtl?.value ?? maxMs;
  if (least <= most) return { minMs: least, maxMs: most };
  // If only one is given, it moves the other.
  if (dnsMaxTtl === undefined) return { minMs: least, maxMs: least };
  const text = formatDuration(least);
  problems.add(dnsMaxTtl, `${formatDuration(most)} is less than dnsMinTtl, which is ${text}`);
  return { minMs, maxMs };
}

function memory(given: Sources<SettingValues>, problems: Problems): MemoryOptions {
  const { segmentSize, segmentCount } = optionsIn(proxyTable, "memory", given);
  const bytes = segmentSize * segmentCount;
  const least = 4 * Math.max(1, CHUNK / segmentSize);
  const isKnown = !isBroken(given.segmentSize) && !isBroken(given.segmentCount);
  if (isKnown && (segmentCount < least || bytes > 64 * GIB)) {
    const { segmentCount: blamed = given.segmentSize } = given;
    const product = `${formatCount(segmentCount)} segments of ${formatSize(segmentSize)}`;
    const expected = "at least 2MiB and 4 segments, at most 64GiB in all";
    const value = describe(blamed?.given);
    problems.add(blamed, `${value}: expected ${expected}, not the ${product}`);
  }
  return { segmentSize, segmentCount };
}

function isOnSockets({ settings }: Pick<RangedGroup, "settings">): boolean {
  return settings.engine?.value === "sockets";
}

function rejectUring(given: Sources<UringValues>, problems: Problems): void {
  for (const one of Object.values(given)) {
    problems.add(one, "contradicts engine sockets, which has no io_uring: leave one of them out");
  }
}
