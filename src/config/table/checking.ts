import { formatAddress, parseAddress } from "../../base/address.ts";
import { formatDuration, parseDuration } from "../../base/quantity.ts";
import {
  type CheckOptions,
  ejectionDefaults,
  httpDefaults,
} from "../../upstream/health/check-options.ts";
import { Pattern } from "../../upstream/health/pattern.ts";
import { certificates, privateKey } from "../pem-file.ts";
import { isWord, type Rule, refuse, scalar } from "../rule.ts";
import { secret, secretOrFile } from "../secrets.ts";
import { nameOfTls, orNone, protocols } from "../tls-rules.ts";
import {
  count,
  duration,
  durationOrOff,
  joined,
  type Kind,
  NOT_SHOWN,
  namedWord,
  onOff,
  secretBy,
  textBy,
  word,
} from "./kind.ts";
import { perListener, perUpstream } from "./setting.ts";

const DAY_MS = 86_400_000;

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

/** What one upstream is asked: as its listener has it, not at all, or otherwise. */
export const ownChecks = ["on", "off", ...checks.filter((kind) => kind !== "none")] as readonly (
  | "on"
  | "off"
  | Exclude<CheckKind, "none">
)[];

/** How one upstream is checked, beside what its listener says. */
export type OwnCheck = (typeof ownChecks)[number];

const checkedAt = textBy(checkAddress, "ADDR", addressText);
const leaving: Kind<number | null> = {
  rule: farewell,
  form: { anyOf: [{ type: "number", minimum: 0 }, { type: "string" }] },
  type: 'Duration | "keep" | "close"',
  hint: "WHAT",
  range: "keep, close or a time of 0…24h",
  show: farewellText,
};

const percent = count(0, 50);
/** A part of something, at most half of it, that is written in percent. */
const part: Kind<number> = {
  ...percent,
  rule: (value) => percent.rule(value) / 100,
  show: (part) => percent.show(Math.round(part * 100)),
};

/** What is known of upstreams, and what comes of it. */
export const checking = {
  check: perListener({
    is: word(checks, "KIND"),
    about: "How upstreams are checked.",
    more: "redis-primary and redis-replica also ask for the role, the latter for the link to its primary; postgres asks whether it would let somebody log in.",
    initial: "none",
    examples: { postgres: "postgres", sessions: "redis-primary", web: "http", mail: "send-expect" },
  }),
  checkInterval: perListener({
    is: duration("100ms…1h"),
    about: "The time between two checks of an upstream.",
    more: "Four times shorter while the upstream is changing.",
    initial: "2s",
    at: "health.check.intervalMs",
  }),
  checkJitter: perListener({
    is: part,
    about: "How far the time between two checks varies at random, in percent.",
    more: "So the checks of many upstreams or proxies do not all happen at once.",
    initial: 10,
    hint: "PERCENT",
    at: "health.check.jitter",
  }),
  checkTimeout: perListener({
    is: duration("10ms…1h"),
    about: "A check that takes longer than this has failed.",
    initial: "1s",
    at: "health.check.timeoutMs",
  }),
  checkRise: perListener({
    is: count(1, 100),
    about: "An upstream that is down comes up after this many successful checks in a row.",
    initial: 2,
    at: "health.check.rise",
  }),
  checkFall: perListener({
    is: count(1, 100),
    about: "An upstream goes down after this many failed checks in a row.",
    more: "After the first one if it has never passed a check.",
    initial: 3,
    at: "health.check.fall",
  }),
  checkAddress: perListener({
    is: checkedAt,
    about: "Check this address instead of the upstream's own; :PORT is a port of its own host.",
    initial: "none",
    at: "health.check.address",
  }),
  checkProxyProtocol: perListener({
    is: namedWord(["auto", "off", "v1", "v2"], "V"),
    about:
      "Begin checks with a PROXY header: off, v1, v2 or auto (as relays do, unless checks go to another address).",
    more: "The header names no client (v2 LOCAL, v1 UNKNOWN).",
    initial: "auto",
    at: "health.check.proxyProtocol",
  }),
  checkUser: perListener({
    is: textBy(token("a user name without spaces"), "NAME"),
    about: "The user of redis and postgres checks.",
    more: "Postgres logs a failed login for a user that it does not know.",
    at: "health.check.user",
    examples: { postgres: "ringway" },
  }),
  checkPassword: perListener({
    is: secretBy(
      secretOrFile((text) => (isToken(text) ? text : undefined), "a password of 1…256 characters"),
      "WORD",
    ),
    about: "The password of redis checks. file:PATH reads it from a file, so that nobody sees it.",
    at: "health.check.password",
    examples: { sessions: "${REDIS_PASSWORD:-secret}" },
  }),
  checkPath: perListener({
    is: textBy(path, "PATH"),
    about: "The path that http checks ask for.",
    absent: httpDefaults.path,
    unless: httpDefaults.path,
    at: "health.check.path",
    examples: { web: "/healthz" },
  }),
  checkHost: perListener({
    is: textBy(token("a host name"), "NAME"),
    about: "The Host header of http checks.",
    more: "By default, the address that is checked.",
    at: "health.check.host",
    examples: { web: "example.org" },
  }),
  checkStatus: perListener({
    is: {
      rule: status,
      form: { anyOf: [{ type: "integer" }, { type: "string" }] },
      type: "number | string",
      hint: "RANGE",
      show: ({ least, most }) => `${least}-${most}`,
    },
    about: "The statuses that http checks expect, such as 200 or 200-299.",
    absent: httpDefaults.status,
    unless: "200-399",
    at: "health.check.status",
    examples: { web: "200-299" },
  }),
  checkSend: perListener({
    is: secretBy(
      secret((text) => (text === "" ? undefined : bytes(text)), "text"),
      "TEXT",
    ),
    about: "What send-expect checks send; \\r, \\n, \\t and \\xHH in it are bytes.",
    examples: { mail: "EHLO ringway\\r\\n" },
  }),
  checkExpect: perListener({
    is: textBy(expectation, "TEXT", () => NOT_SHOWN),
    about: "What must come back: text as above, or a /regular expression/.",
    examples: { mail: "/^220 /" },
  }),
  checkTls: perListener({
    is: onOff,
    about: "Check by TLS. Postgres is asked for it first.",
    more: "The certificate must be valid, signed by a trusted authority, and issued for the host being checked. Unless given, an upstream is checked as upstreamTls reaches it.",
    unless: "as upstreamTls",
  }),
  checkTlsName: perListener({
    is: textBy(orNone(nameOfTls), "NAME"),
    about: "The name that the certificate must be issued for, instead of the host that is checked.",
    initial: "none",
    at: "health.check.tls.serverName",
  }),
  checkTlsVerify: perListener({
    is: onOff,
    about: "Whether the certificate is verified.",
    initial: "on",
    at: "health.check.tls.verify",
  }),
  checkTlsCa: perListener({
    is: secretBy(orNone(certificates), "FILE"),
    about: "A file of trusted authorities (PEM), instead of those built in.",
    more: "Read again at each reload.",
    initial: "none",
    at: "health.check.tls.ca",
  }),
  checkTlsCert: perListener({
    is: secretBy(orNone(certificates), "FILE"),
    about: "A file with the certificate that checks present when asked (PEM).",
    initial: "none",
  }),
  checkTlsKey: perListener({
    is: secretBy(orNone(privateKey), "FILE"),
    about: "A file with its key, without a passphrase (PEM).",
    initial: "none",
  }),
  checkTlsAlpn: perListener({
    is: textBy(protocols, "WORDS", joined),
    about: "Protocols to offer by ALPN, such as h2,http/1.1.",
    initial: "none",
    at: "health.check.tls.alpn",
  }),
  ejectAfter: perListener({
    is: count(0, 1_000),
    about:
      "Keep new relays away from an upstream after this many failed dials in a row; 0 for never.",
    initial: ejectionDefaults.failures,
    at: "health.ejection.failures",
  }),
  ejectTime: perListener({
    is: duration("100ms…1h"),
    about: "How long to keep them away at first.",
    more: "Up to ten times as long if it happens again.",
    initial: formatDuration(ejectionDefaults.baseMs),
    at: "health.ejection.baseMs",
  }),
  panicThreshold: perListener({
    is: count(0, 100),
    about:
      "Treat all upstreams as up when less than this percentage of the weight is up; 0 for never.",
    initial: 0,
    hint: "PERCENT",
    at: "health.panicPercent",
  }),
  slowStart: perListener({
    is: durationOrOff("100ms…1h"),
    about: "The time over which an upstream that came up again reaches its full weight.",
    initial: "off",
    at: "health.slowStartMs",
  }),
  onDown: perListener({
    is: leaving,
    about: "What happens to the relays of an upstream that goes down.",
    more: "They go on (keep), end at once (close), or end within the time.",
    initial: "keep",
    at: "health.onDown",
    examples: { sessions: "close" },
  }),
  onUp: perListener({
    is: leaving,
    about: "What happens to the relays of backups when a check finds a primary up again.",
    initial: "keep",
    at: "health.onUp",
  }),
  onRemove: perListener({
    is: leaving,
    about: "What happens to the relays of an upstream that a reload removes.",
    initial: "keep",
    at: "health.onRemove",
  }),
};

/** What an upstream may have for itself of this. */
export const ownChecking = {
  check: perUpstream({
    is: {
      rule: ownCheck,
      form: {
        anyOf: [
          { type: "boolean" },
          { enum: [...ownChecks] },
          { type: "string", pattern: "\\$\\{" },
        ],
      },
      type: `${ownChecks.map((one) => JSON.stringify(one)).join(" | ")} | boolean`,
      hint: "KIND",
      show: (kind) => kind,
    },
    about: "How it is checked: on (like its listener), off, or a kind of its own.",
    initial: "on",
    examples: { cache3: "tcp" },
  }),
  checkAddress: perUpstream({
    is: checkedAt,
    about: "What to check instead of it: an address, :PORT of its own host, or none.",
    more: "By default, as its listener.",
    examples: { cache3: ":8008" },
  }),
};

/** What becomes of its relays when one upstream goes down. */
export const ownLeaving = {
  onDown: perUpstream({
    is: leaving,
    about: "What happens to its relays when it goes down.",
    more: "By default, as its listener.",
    examples: { cache1: "keep" },
  }),
};

/** Another address to check, or a port of the upstream's own host; null for its own address. */
function checkAddress(value: unknown): CheckOptions["address"] {
  if (value === "none") return null;
  if (typeof value !== "string") return refuse(value, "an address, :PORT, or none");
  const address = parseAddress(value, "upstream");
  const isPort = address.kind === "tcp" && value.startsWith(":");
  return isPort ? { kind: "port", port: address.port } : address;
}

function addressText(address: CheckOptions["address"]): string {
  if (address === null) return "none";
  return address.kind === "port" ? `:${address.port}` : formatAddress(address);
}

/** How an upstream is checked, beside what its listener says: switches, too. */
function ownCheck(value: unknown): OwnCheck {
  if (value === true) return "on";
  if (value === false) return "off";
  return namedWord(ownChecks).rule(value);
}

function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,256}$/.test(text);
}

/** A word that goes into a request as it is. */
function token(expected: string): Rule<string> {
  return (value) => {
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
function farewell(value: unknown): number | null {
  if (value === "keep") return null;
  if (value === "close") return 0;
  const expected = "keep, close or a duration of 0…24h";
  if (isWord(value)) return refuse(value, expected, ["keep", "close"]);
  const afterMs = parseDuration(scalar(value));
  return afterMs >= 0 && afterMs <= DAY_MS ? afterMs : refuse(value, expected);
}

function farewellText(afterMs: number | null): string {
  if (afterMs === null) return "keep";
  return afterMs === 0 ? "close" : formatDuration(afterMs);
}
