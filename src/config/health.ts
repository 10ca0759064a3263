import {
  type CheckOptions,
  type EjectionOptions,
  ejectionDefaults,
} from "../upstream/health/check-options.ts";
import { Pattern } from "../upstream/health/pattern.ts";
import { parseAddress } from "./address.ts";
import { checkTlsRules } from "./check-tls.ts";
import type { HealthOptions } from "./options.ts";
import { parseDuration } from "./quantity.ts";
import {
  count,
  duration,
  durationOrOff,
  isWord,
  refuse,
  scalar,
  type ValuesOf,
  word,
} from "./rule.ts";
import { secret, secretOrFile } from "./secrets.ts";
import type { Sources } from "./sourced.ts";

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

/** What a listener's upstreams are asked. */
export type CheckKind = (typeof checks)[number];

/** The same of one upstream: as its listener has it, not at all, or otherwise. */
export const ownChecks = ["on", "off", ...checks.filter((kind) => kind !== "none")] as readonly (
  | "on"
  | "off"
  | Exclude<CheckKind, "none">
)[];

export type OwnCheck = (typeof ownChecks)[number];

/** Whether checks begin with a PROXY header; `auto`: as relays do, unless checks go elsewhere. */
export const checkHeaders = ["auto", "off", "v1", "v2"] as const;

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
  checkProxyProtocol: word(checkHeaders),
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
  onUp: farewell,
  onRemove: farewell,
};

/** What of these an upstream may have for itself. */
export const ownHealthRules = { check: ownCheck, checkAddress, onDown: farewell };

/** What the rules make of these settings. */
export type HealthValues = ValuesOf<typeof healthRules>;

/** Of what is given unless something else is. */
export const healthDefaults = {
  check: "none",
  proxyProtocol: "auto",
  intervalMs: 2_000,
  timeoutMs: 1_000,
  rise: 2,
  fall: 3,
  panicPercent: 0,
} as const;

/** Puts together what was given of upstreams' health, beside how they are checked. */
export function healthOf(given: Sources<HealthValues>): Omit<HealthOptions, "check"> {
  return {
    ejection: ejectionOf(given),
    panicPercent: given.panicThreshold?.value ?? healthDefaults.panicPercent,
    slowStartMs: given.slowStart?.value ?? 0,
    onDown: given.onDown?.value ?? null,
    onUp: given.onUp?.value ?? null,
    onRemove: given.onRemove?.value ?? null,
  };
}

function ejectionOf({ ejectAfter, ejectTime }: Sources<HealthValues>): EjectionOptions | null {
  const failures = ejectAfter?.value ?? ejectionDefaults.failures;
  if (failures === 0) return null;
  const baseMs = ejectTime?.value ?? ejectionDefaults.baseMs;
  return { ...ejectionDefaults, failures, baseMs, mostMs: 10 * baseMs };
}

/** Another address to check, or a port of the upstream's own host; null for its own address. */
function checkAddress(value: unknown): CheckOptions["address"] {
  if (value === "none") return null;
  if (typeof value !== "string") return refuse(value, "an address, :PORT, or none");
  const address = parseAddress(value, "upstream");
  const isPort = address.kind === "tcp" && value.startsWith(":");
  return isPort ? { kind: "port", port: address.port } : address;
}

/** How an upstream is checked, beside what its listener says: switches, too. */
function ownCheck(value: unknown): OwnCheck {
  if (value === true) return "on";
  if (value === false) return "off";
  return word(ownChecks)(value);
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
  const expected = "keep, close or a duration of 0…24h";
  if (isWord(value)) return refuse(value, expected, ["keep", "close"]);
  const afterMs = parseDuration(scalar(value));
  return afterMs >= 0 && afterMs <= DAY_MS ? afterMs : refuse(value, expected);
}
