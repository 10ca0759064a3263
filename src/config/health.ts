import {
  type CheckOptions,
  type CheckStep,
  type EjectionOptions,
  ejectionDefaults,
  type RedisRole,
} from "../upstream/health/check-options.ts";
import { Pattern } from "../upstream/health/pattern.ts";
import { parseAddress } from "./address.ts";
import { checkTlsOf, checkTlsRules } from "./check-tls.ts";
import type { Address, HealthOptions } from "./options.ts";
import { parseDuration } from "./quantity.ts";
import { count, duration, durationOrOff, refuse, scalar, type ValuesOf, word } from "./rule.ts";
import { secret, secretOrFile } from "./secrets.ts";
import type { Problems, Sourced, Sources } from "./sourced.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How an upstream is asked whether it is well. */
export const checks = [
  "none",
  "tcp",
  "redis",
  "redis-primary",
  "redis-replica",
  "postgres",
  "http",
  "send-expect",
] as const;

/** What happens to the relays of an upstream that is gone: they go on, or end after a time. */
export type Farewell = number | null;

/** The rules of what is known of upstreams' health, and what comes of it. */
export const healthRules = {
  check: word(checks),
  checkInterval: duration(100, HOUR_MS, "100ms…1h"),
  checkTimeout: duration(10, HOUR_MS, "10ms…1h"),
  checkRise: count(1, 100),
  checkFall: count(1, 100),
  checkAddress,
  checkUser: token("a user name without spaces"),
  checkPassword: secretOrFile(
    (text) => (isToken(text) ? text : undefined),
    "a password of 1…256 characters",
  ),
  checkPath: path,
  checkHost: token("a host name"),
  checkStatus: status,
  checkSend: secret((text) => (text === "" ? undefined : bytes(text)), "text"),
  checkExpect: expectation,
  ...checkTlsRules,
  ejectAfter: count(0, 1_000),
  ejectTime: duration(100, HOUR_MS, "100ms…1h"),
  panicThreshold: count(0, 100),
  slowStart: durationOrOff(100, HOUR_MS, "100ms…1h"),
  onDown: farewell,
  onRemove: farewell,
};

/** What the rules make of these settings. */
export type HealthValues = ValuesOf<typeof healthRules>;

/** Of what is given unless something else is. */
export const healthDefaults = {
  check: "none",
  intervalMs: 2_000,
  timeoutMs: 1_000,
  rise: 2,
  fall: 3,
  panicPercent: 0,
} as const;

/** Checks of many upstreams must not fall together. */
const JITTER = 0.1;
/** While an upstream is changing or failing, checks come so much faster. */
const FASTER = 4;

/** Puts together what was given of upstreams' health, and tells what cannot be together. */
export function healthOf(given: Sources<HealthValues>, problems: Problems): HealthOptions {
  return {
    check: checkOf(given, problems),
    ejection: ejectionOf(given),
    panicPercent: given.panicThreshold?.value ?? healthDefaults.panicPercent,
    slowStartMs: given.slowStart?.value ?? 0,
    onDown: given.onDown?.value ?? null,
    onRemove: given.onRemove?.value ?? null,
  };
}

function checkOf(given: Sources<HealthValues>, problems: Problems): CheckOptions | null {
  const kind = given.check?.value ?? healthDefaults.check;
  rejectStrays(given, kind, problems);
  const tls = checkTlsOf(given, problems);
  if (kind === "none") return null;
  const intervalMs = given.checkInterval?.value ?? healthDefaults.intervalMs;
  return {
    kind: kind.startsWith("redis") ? "redis" : (kind as CheckOptions["kind"]),
    intervalMs,
    fastIntervalMs: Math.max(50, intervalMs / FASTER),
    timeoutMs: given.checkTimeout?.value ?? healthDefaults.timeoutMs,
    jitter: JITTER,
    rise: given.checkRise?.value ?? healthDefaults.rise,
    fall: given.checkFall?.value ?? healthDefaults.fall,
    address: given.checkAddress?.value ?? null,
    tls,
    ...present("role", roleOf(kind)),
    ...present("user", given.checkUser?.value),
    ...present("password", given.checkPassword?.value),
    ...present("path", given.checkPath?.value),
    ...present("host", given.checkHost?.value),
    ...present("status", given.checkStatus?.value),
    ...(kind === "send-expect" ? { steps: stepsOf(given) } : {}),
  };
}

function roleOf(kind: string): RedisRole | undefined {
  if (kind === "redis-primary") return "primary";
  return kind === "redis-replica" ? "replica" : undefined;
}

function stepsOf({ checkSend, checkExpect }: Sources<HealthValues>): CheckStep[] {
  const send = checkSend?.value ?? null;
  const expect = checkExpect?.value ?? null;
  return [...(send === null ? [] : [{ send }]), ...(expect === null ? [] : [{ expect }])];
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
} as const satisfies { [K in keyof HealthValues]?: readonly (typeof checks)[number][] };

function rejectStrays(given: Sources<HealthValues>, kind: string, problems: Problems): void {
  for (const [key, kinds] of Object.entries(DETAILS)) {
    const one = given[key as keyof typeof DETAILS];
    if (one === undefined || (kinds as readonly string[]).includes(kind)) continue;
    problems.add(one, `is for check ${kinds.join(", ")} alone, and this one is ${kind}`);
  }
}

/** What checks of every kind have. */
const COMMON = [
  "checkInterval",
  "checkTimeout",
  "checkRise",
  "checkFall",
  "checkAddress",
  "checkTls",
] as const satisfies readonly (keyof HealthValues)[];

/**
 * Tells what is said of checks where there are none. What stands at the top of a file may be for one
 * of its listeners alone, also where flags replace that one, but not for none.
 */
export function rejectCheckless(
  all: readonly Sources<HealthValues>[],
  file: { readonly top: Sources<HealthValues>; readonly listed: readonly Sources<HealthValues>[] },
  problems: Problems,
): void {
  const [checked, others] = [all.filter(isChecked), all.filter((given) => !isChecked(given))];
  const isTopUsed = checked.length > 0 || file.listed.some(isChecked);
  const used = new Set([...checked, ...(isTopUsed ? [file.top] : [])].flatMap(commonOf));
  for (const one of new Set(others.flatMap(commonOf)).difference(used))
    problems.add(one, "needs check");
}

/** What is said of checks in general, but for what is broken, which has been told, or off. */
function commonOf(given: Sources<HealthValues>): Sourced<unknown>[] {
  return COMMON.flatMap((key): Sourced<unknown>[] => {
    const one = given[key];
    return one?.value ? [one] : [];
  });
}

function isChecked({ check }: Sources<HealthValues>): boolean {
  return check !== undefined;
}

function ejectionOf({ ejectAfter, ejectTime }: Sources<HealthValues>): EjectionOptions | null {
  const failures = ejectAfter?.value ?? ejectionDefaults.failures;
  if (failures === 0) return null;
  const baseMs = ejectTime?.value ?? ejectionDefaults.baseMs;
  return { ...ejectionDefaults, failures, baseMs, mostMs: 10 * baseMs };
}

function present<K extends string, T>(key: K, value: T | null | undefined): { [key in K]?: T } {
  return value === undefined || value === null ? {} : ({ [key]: value } as { [key in K]: T });
}

/** Another address to check; null for the upstream's own. */
function checkAddress(value: unknown): Address | null {
  if (value === "none") return null;
  if (typeof value !== "string") return refuse(value, "an address, or none");
  return parseAddress(value, "upstream");
}

function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,256}$/.test(text);
}

/** A word that goes into a request as it is. */
function token(expected: string) {
  return (value: unknown): string => {
    if (typeof value === "string" && isToken(value)) return value;
    return refuse(typeof value === "string" ? `${value.length} characters` : value, expected);
  };
}

function path(value: unknown): string {
  if (typeof value === "string" && /^\/[\x21-\x7e]{0,1024}$/.test(value)) return value;
  return refuse(value, "a path that begins with / and has no spaces");
}

/** `200` or `200-399`. */
function status(value: unknown): { least: number; most: number } {
  const [, from = "", to = from] = /^(\d{3})(?:-(\d{3}))?$/.exec(String(scalar(value))) ?? [];
  const [least, most] = [Number(from), Number(to)];
  if (least >= 100 && most >= least) return { least, most };
  return refuse(value, "a status or a range of them, such as 200 or 200-399");
}

/** Text with the escapes `\r`, `\n`, `\t`, `\\` and `\xHH`. */
function bytes(value: unknown): Uint8Array {
  if (typeof value !== "string" || value === "") return refuse(value, "text");
  const text = value.replace(/\\(x[\da-f]{2}|[rnt\\])/gi, (_, code: string) => {
    if (code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return { r: "\r", n: "\n", t: "\t", "\\": "\\" }[code.toLowerCase()] ?? code;
  });
  // Escapes are bytes, everything else is UTF-8.
  const isPlain = !/[^\0-\xff]/.test(text);
  return isPlain
    ? Uint8Array.from(text, (one) => one.charCodeAt(0))
    : new TextEncoder().encode(text);
}

/** Text as above, or a regular expression between slashes. */
function expectation(value: unknown): { bytes: Uint8Array } | { pattern: Pattern } {
  const [, pattern] = typeof value === "string" ? (/^\/(.+)\/$/s.exec(value) ?? []) : [];
  return pattern === undefined ? { bytes: bytes(value) } : { pattern: Pattern.compile(pattern) };
}

/** Milliseconds after which relays end; null for never. */
function farewell(value: unknown): Farewell {
  if (value === "keep") return null;
  if (value === "close") return 0;
  const afterMs = parseDuration(scalar(value));
  if (afterMs >= 0 && afterMs <= DAY_MS) return afterMs;
  return refuse(value, "keep, close or a duration of 0…24h");
}
