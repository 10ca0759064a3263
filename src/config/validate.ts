import { formatAddress, parseAddress } from "./address.ts";
import { ConfigError, describe } from "./error.ts";
import type { Address, MemoryOptions, Mode, ProxyOptions } from "./options.ts";
import { defaults, uringDefaults } from "./options.ts";
import { formatCount, formatSize, parseDuration, parseSize } from "./quantity.ts";

/** Everything that can be set, by flag or in a file. In a file these names are the keys. */
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

export type SettingName = (typeof settingNames)[number];

/** One value as it was given, not looked at yet. */
export interface GivenValue {
  readonly value: unknown;
  /** Where it was given, as a message names it: `--listen` or `ringway.toml: listen`. */
  readonly label: string;
}

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
  return {
    listen,
    upstreams,
    mode,
    engine: engine(given.engine),
    connectTimeoutMs: duration(given.connectTimeout, 1, defaults.connectTimeoutMs),
    halfCloseTimeoutMs: duration(given.halfCloseTimeout, 1, defaults.halfCloseTimeoutMs),
    drainTimeoutMs: duration(given.drainTimeout, 0, defaults.drainTimeoutMs),
    memory: memory(given),
    stats: oneOf(given.stats, statsFormats, defaults.stats),
    verbose: flag(given.verbose),
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
    uring: uringDefaults,
    drainTimeoutMs: settings.drainTimeoutMs,
  };
}

function fail(given: GivenValue | undefined, why: string): never {
  throw new ConfigError(`${given?.label ?? "defaults"} ${why}`);
}

/** Runs a parser whose message begins with the value, and puts the label before it. */
function labelled<T>(given: GivenValue, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ConfigError) fail(given, error.message);
    throw error;
  }
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

function oneOf<T extends string>(given: GivenValue | undefined, words: readonly T[], initial: T) {
  if (given === undefined) return initial;
  const word = words.find((known) => known === given.value);
  return word ?? fail(given, `${describe(given.value)}: expected ${either(words)}`);
}

/** `uring` is a known word, but not one that this version would suggest. */
function engine(given: GivenValue | undefined): Settings["engine"] {
  return given?.value === "uring" ? "uring" : oneOf(given, engines, defaults.engine);
}

function either(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function flag(given: GivenValue | undefined): boolean {
  if (given === undefined) return false;
  if (typeof given.value === "boolean") return given.value;
  return fail(given, `${describe(given.value)}: expected true or false`);
}

function duration(given: GivenValue | undefined, least: 0 | 1, initial: number): number {
  if (given === undefined) return initial;
  const value = scalar(given);
  const durationMs = labelled(given, () => parseDuration(value));
  if (durationMs < least || durationMs > DAY_MS) {
    const range = least === 0 ? "0…24h" : "1ms…24h";
    fail(given, `${describe(given.value)}: expected a duration of ${range}`);
  }
  return durationMs;
}

function memory(given: Given): MemoryOptions {
  const segmentSize = size(given.segmentSize);
  const segmentCount = count(given.segmentCount);
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

function size(given: GivenValue | undefined): number {
  if (given === undefined) return defaults.segmentSize;
  const value = scalar(given);
  const bytes = labelled(given, () => parseSize(value));
  const isPowerOfTwo = Number.isInteger(Math.log2(bytes));
  if (!isPowerOfTwo || bytes < 4 * KIB || bytes > MIB) {
    fail(given, `${describe(given.value)}: expected a power of two of 4KiB…1MiB`);
  }
  return bytes;
}

function count(given: GivenValue | undefined): number {
  if (given === undefined) return defaults.segmentCount;
  const text = String(scalar(given));
  const segments = /^\d{1,12}$/.test(text) ? Number(text) : 0;
  if (segments < 1) fail(given, `${describe(given.value)}: expected a whole number of at least 1`);
  return segments;
}

/** What a file may give as a number or as text; other kinds are left to fail with their name. */
function scalar(given: GivenValue): string | number {
  const { value } = given;
  if (typeof value === "string" || typeof value === "number") return value;
  return fail(given, `${describe(value)}: expected a number or text`);
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
  fail(given, `${describe(given.value)}: expected 1, as this version runs one worker`);
}
