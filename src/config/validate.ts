import { formatAddress, parseAddress } from "./address.ts";
import { describe } from "./error.ts";
import {
  fail,
  type GivenValue,
  labelled,
  oneOf,
  powerSize,
  refuse,
  scalar,
  truth,
  wholeNumber,
} from "./given.ts";
import type { Address, MemoryOptions, Mode, ProxyOptions, UringOptions } from "./options.ts";
import { defaults } from "./options.ts";
import { formatCount, formatSize, parseDuration } from "./quantity.ts";
import { type GivenUring, type UringKey, uring, uringKeys } from "./uring.ts";

/** What can be set by flag or in a file, except groups. In a file these names are the keys. */
export const settingNames = [
  "listen",
  "upstream",
  "mode",
  "engine",
  "workers",
  "connectTimeout",
  "halfCloseTimeout",
  "drainTimeout",
  "segmentSize",
  "segmentCount",
  "stats",
  "verbose",
] as const;

/** A setting: a key of a file, or a group's name, a point and a key of that group. */
export type SettingName = (typeof settingNames)[number] | `uring.${UringKey}`;

/** All that was given. */
export type Given = { readonly [name in SettingName]?: GivenValue };

/** In what form the statistics are printed at exit. */
export type StatsFormat = "text" | "json" | "none";

/** What was given and the defaults for the rest: understood and free of contradictions. */
export interface Settings {
  /** At least one. */
  readonly listen: readonly Address[];
  /** None means none was given: the embedded one, or none at all in mode `sink`. */
  readonly upstreams: readonly Address[];
  readonly mode: Mode;
  readonly engine: ProxyOptions["engine"];
  /** 1…86,400,000. */
  readonly connectTimeoutMs: number;
  /** 1…86,400,000. */
  readonly halfCloseTimeoutMs: number;
  /** 0…86,400,000. */
  readonly drainTimeoutMs: number;
  readonly memory: MemoryOptions;
  readonly uring: UringOptions;
  readonly stats: StatsFormat;
  readonly verbose: boolean;
}

const modes: readonly Mode[] = ["bidirectional", "oneway", "sink"];
const engines: readonly Settings["engine"][] = ["auto", "sockets", "uring"];
const statsFormats: readonly StatsFormat[] = ["text", "json", "none"];

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** The most bytes that an engine may have to keep at once: a quarter of the least memory. */
const CHUNK = 512 * KIB;
const DAY_MS = 86_400_000;

/**
 * The rules for all that a person may set, whether by flag or in a file.
 *
 * @throws ConfigError for the first value that breaks one
 */
export function validate(given: Given): Settings {
  const listen = addresses(given.listen, "listener") ?? [defaults.listen];
  const upstreams = addresses(given.upstream, "upstream") ?? [];
  const mode = oneOf(given.mode, modes, defaults.mode);
  rejectTwins(listen, given.listen);
  if (mode === "sink" && upstreams.length > 0) {
    fail(given.upstream, "contradicts mode sink, which has no upstream: leave one of them out");
  }
  rejectLoops(listen, upstreams, given.upstream);
  rejectWorkers(given.workers);
  const engine = oneOf(given.engine, engines, defaults.engine);
  if (engine === "sockets") rejectUring(given);
  return {
    listen,
    upstreams,
    mode,
    engine,
    connectTimeoutMs: duration(given.connectTimeout, 1, defaults.connectTimeoutMs),
    halfCloseTimeoutMs: duration(given.halfCloseTimeout, 1, defaults.halfCloseTimeoutMs),
    drainTimeoutMs: duration(given.drainTimeout, 0, defaults.drainTimeoutMs),
    memory: memory(given),
    uring: uring(uringOf(given)),
    stats: oneOf(given.stats, statsFormats, defaults.stats),
    verbose: truth(given.verbose),
  };
}

/** What the proxy is started with. All listeners share the upstreams. */
export function proxyOptions(settings: Settings, upstreams: readonly Address[]): ProxyOptions {
  const { mode, connectTimeoutMs, halfCloseTimeoutMs } = settings;
  const upstreamInside = settings.upstreams.length === 0 && upstreams.length > 0;
  const shared = { mode, upstreams, upstreamInside, connectTimeoutMs, halfCloseTimeoutMs };
  return {
    listeners: settings.listen.map((address) => ({ address, ...shared })),
    engine: settings.engine,
    memory: settings.memory,
    uring: settings.uring,
    drainTimeoutMs: settings.drainTimeoutMs,
  };
}

function addresses(
  given: GivenValue | undefined,
  role: "listener" | "upstream",
): readonly Address[] | null {
  if (given === undefined) return null;
  const texts: readonly unknown[] = Array.isArray(given.value) ? given.value : [given.value];
  if (texts.length === 0) fail(given, "is an empty list: expected an address or several");
  return texts.map((text) => {
    if (typeof text !== "string") return fail(given, `${describe(text)}: expected an address`);
    return labelled(given, () => parseAddress(text, role));
  });
}

function duration(given: GivenValue | undefined, least: 0 | 1, initial: number): number {
  if (given === undefined) return initial;
  const value = scalar(given);
  const durationMs = labelled(given, () => parseDuration(value));
  if (durationMs < least || durationMs > DAY_MS) {
    refuse(given, `a duration of ${least === 0 ? "0…24h" : "1ms…24h"}`);
  }
  return durationMs;
}

function memory(given: Given): MemoryOptions {
  const segmentSize = powerSize(given.segmentSize, 4 * KIB, MIB, defaults.segmentSize);
  const segmentCount = segments(given.segmentCount);
  const bytes = segmentSize * segmentCount;
  const least = 4 * Math.max(1, CHUNK / segmentSize);
  if (segmentCount < least || bytes > 64 * GIB) {
    const { segmentCount: blamed = given.segmentSize } = given;
    const product = `${formatCount(segmentCount)} segments of ${formatSize(segmentSize)}`;
    const value = describe(blamed?.value);
    fail(
      blamed,
      `${value}: expected at least 2MiB and 4 segments, at most 64GiB in all, not the ${product}`,
    );
  }
  return { segmentSize, segmentCount };
}

function segments(given: GivenValue | undefined): number {
  if (given === undefined) return defaults.segmentCount;
  const number = wholeNumber(given);
  return number >= 1 ? number : refuse(given, "a whole number of at least 1");
}

/** What was given of the group `uring`. */
function uringOf(given: Given): GivenUring {
  return Object.fromEntries(uringKeys.map((key) => [key, given[`uring.${key}`]]));
}

function rejectUring(given: Given): void {
  for (const key of uringKeys) {
    const one = given[`uring.${key}`];
    if (one === undefined) continue;
    fail(one, "contradicts engine sockets, which knows no io_uring: leave one of them out");
  }
}

function rejectTwins(listen: readonly Address[], given: GivenValue | undefined): void {
  const seen = new Set<string>();
  for (const address of listen) {
    const text = formatAddress(address);
    const picksPort = address.kind === "tcp" && address.port === 0;
    if (seen.has(text) && !picksPort) fail(given, `"${text}" is given twice`);
    seen.add(text);
  }
}

/** An upstream that is a listener itself would dial itself until no descriptor is left. */
function rejectLoops(
  listen: readonly Address[],
  upstreams: readonly Address[],
  given: GivenValue | undefined,
): void {
  for (const upstream of upstreams) {
    for (const listener of listen) {
      if (!reaches(upstream, listener)) continue;
      const text = formatAddress(upstream);
      fail(given, `"${text}" is the listener ${formatAddress(listener)} itself: relays would loop`);
    }
  }
}

function reaches(upstream: Address, listener: Address): boolean {
  if (upstream.kind === "unix" || listener.kind === "unix") {
    return formatAddress(upstream) === formatAddress(listener);
  }
  if (upstream.port !== listener.port) return false;
  if (upstream.host === listener.host) return true;
  const all = listener.host === "::" || listener.host === "0.0.0.0";
  const targets = loopbacks(upstream.host);
  return all ? targets.length > 0 : loopbacks(listener.host).some((one) => targets.includes(one));
}

/** The loopback addresses that a host may stand for on this machine. */
function loopbacks(host: string): readonly string[] {
  if (host === "localhost" || host === "::") return ["127.0.0.1", "::1"];
  if (host === "0.0.0.0") return ["127.0.0.1"];
  return host === "::1" || host.startsWith("127.") ? [host] : [];
}

function rejectWorkers(given: GivenValue | undefined): void {
  if (given === undefined || given.value === 1 || given.value === "1") return;
  refuse(given, "1, as this version runs one worker");
}
