import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import schema from "../../packaging/ringway.schema.json";
import { client } from "../../test/fixtures/certificates.ts";
import { formatCount } from "../base/quantity.ts";
import { readDocument } from "../config/document.ts";
import { Problems } from "../config/sourced.ts";
import { validate } from "../config/validate.ts";
import { summary } from "./check-command.ts";

const folder = mkdtempSync(join(tmpdir(), "ringway-summary-"));
const CERTIFICATE = join(folder, "client.pem");
const KEY = join(folder, "client.key");
writeFileSync(CERTIFICATE, client.cert);
writeFileSync(KEY, client.key);
afterAll(() => rmSync(folder, { recursive: true }));

/** What `ringway check` says of a file of this content. */
function told(content: object): string {
  const problems = new Problems();
  const document = { listen: ":1", upstream: "a:1", ...content };
  return summary(validate({}, readDocument(document, "f", {}, problems), problems));
}

/** What a setting is given in a file, how `check` has it, and what else the file needs for it. */
type Sample = readonly [given: unknown, shown: string, beside?: object];

const NOT_SHOWN = "(not shown)";
const TOKEN = "a-token-of-20-letters";
const log = { accessLog: "stdout" };
const admin = { admin: "127.0.0.1:1" };
const tcp = { check: "tcp" };
const http = { check: "http" };
const withBackup = { upstream: ["a:1", { address: "b:1", backup: true }] };
const tls = { ...tcp, checkTls: true };
const valkey = { mode: "valkey" };

/** A value for each setting of the whole proxy that is not its default. */
const proxySamples: Readonly<Record<string, Sample>> = {
  workers: [4, "4"],
  totalRelays: [20_000, "20,000"],
  drainDelay: ["5s", "5s"],
  drainTimeout: [0, "0s"],
  dnsServers: ["10.0.0.53,[fd00::53]:5353", "10.0.0.53:53, [fd00::53]:5353"],
  dnsMinTtl: ["2s", "2s"],
  dnsMaxTtl: ["1m", "1m"],
  dnsAllow: [["10.0.0.0/8:6379-6389", "[fd00::/8]:1"], "10.0.0.0/8:6379-6389, [fd00::/8]:1"],
  segmentSize: ["128KiB", "128KiB"],
  segmentCount: [2_048, "2,048"],
  accessLog: ["./a.log", "./a.log"],
  accessLogStarts: ["on", "on", log],
  accessLogEvery: ["1m", "1m", log],
  accessLogMode: ["0600", "0600", log],
  accessLogUser: [1_000, "1000", log],
  accessLogGroup: [1_000, "1000", log],
  admin: ["unix:/run/a.sock", "unix:/run/a.sock"],
  user: ["nobody", "nobody"],
  group: ["daemon", "daemon", { user: "nobody" }],
  adminToken: [TOKEN, NOT_SHOWN, admin],
  adminReadToken: [TOKEN, NOT_SHOWN, { ...admin, adminToken: `${TOKEN}2` }],
  readyWhen: ["upstreams", "upstreams", admin],
  stats: ["json", "json"],
  verbose: [true, "on"],
};

/** The same for what only the uring engine knows. */
const uringSamples: Readonly<Record<string, Sample>> = {
  receive: ["single", "single"],
  receiveBundles: ["on", "on"],
  receiveMessages: ["on", "on"],
  incremental: ["on", "on"],
  send: ["message", "message"],
  taskrun: ["coop", "coop"],
  sqpoll: ["2s", "2s"],
  fixedFiles: ["on", "on"],
  hugePages: ["on", "on"],
  entries: [2_048, "2,048"],
  waitCount: [4, "4"],
  waitTimeout: ["50us", "50us", { waitCount: 4 }],
  yield: ["never", "never"],
  napi: ["busy", "busy"],
  napiTimeout: ["20us", "20us", { napi: "busy" }],
  bufferSize: ["8KiB", "8KiB"],
  bufferCount: [128, "128"],
  largeBufferSize: ["128KiB", "128KiB"],
};

/** And for what each listener may have for itself. */
const listenerSamples: Readonly<Record<string, Sample>> = {
  engine: ["sockets", "sockets"],
  check: ["redis-primary", "redis-primary"],
  checkInterval: ["5s", "5s", tcp],
  checkTimeout: ["500ms", "500ms", tcp],
  checkRise: [4, "4", tcp],
  checkFall: [4, "4", tcp],
  checkAddress: [":8008", ":8008", tcp],
  checkProxyProtocol: ["v1", "v1", tcp],
  checkUser: ["me", "me", { check: "postgres" }],
  checkPassword: [TOKEN, NOT_SHOWN, { check: "redis" }],
  checkPath: ["/health", "/health", http],
  checkHost: ["a.test", "a.test", http],
  checkStatus: ["200-204", "200-204", http],
  checkSend: [TOKEN, NOT_SHOWN, { check: "send-expect", checkExpect: "+" }],
  checkExpect: [TOKEN, NOT_SHOWN, { check: "send-expect", checkSend: "PING" }],
  checkTls: [true, "on", tcp],
  checkTlsName: ["a.test", "a.test", tls],
  checkTlsVerify: [false, "off", tls],
  checkTlsCa: [CERTIFICATE, NOT_SHOWN, tls],
  checkTlsCert: [CERTIFICATE, NOT_SHOWN, { ...tls, checkTlsKey: KEY }],
  checkTlsKey: [KEY, NOT_SHOWN, { ...tls, checkTlsCert: CERTIFICATE }],
  checkTlsAlpn: ["h2", "h2", tls],
  ejectAfter: [5, "5"],
  ejectTime: ["1m", "1m"],
  panicThreshold: [50, "50"],
  slowStart: ["10s", "10s"],
  onDown: ["close", "close"],
  onUp: ["5s", "5s", { ...withBackup, ...tcp }],
  onRemove: ["5s", "5s"],
  allow: ["10.0.0.0/8", "10.0.0.0/8"],
  deny: ["10.1.0.0/16", "10.1.0.0/16"],
  maxRelays: [20_000, "20,000"],
  whenFull: ["wait", "wait"],
  fullTimeout: ["10s", "10s"],
  maxRelaysPerClient: [5, "5"],
  clientRate: [0.5, "0.5"],
  clientBurst: [5, "5", { clientRate: 1 }],
  maxRelaysPerNetwork: [5, "5"],
  networkRate: [5, "5"],
  networkBurst: [5, "5", { networkRate: 1 }],
  upRate: ["1MiB", "1MiB/s"],
  downRate: ["1MiB", "1MiB/s"],
  refuse: ["close", "close"],
  proxyProtocol: ["optional", "optional", { proxyProtocolFrom: "10.0.0.0/8" }],
  proxyProtocolFrom: ["10.0.0.0/8", "10.0.0.0/8", { proxyProtocol: "required" }],
  preambleTimeout: ["1s", "1s"],
  sendProxyProtocol: ["v2", "v2"],
  route: [() => null, NOT_SHOWN],
  routeTimeout: ["50ms", "50ms", { route: () => null }],
  routeFailure: ["refuse", "refuse", { route: () => null }],
  mirror: ["b:1", "b:1"],
  mirrorBuffer: ["64KiB", "64KiB", { mirror: "b:1" }],
  mirrorPercent: [50, "50", { mirror: "b:1" }],
  valkeyConnections: [2, "2", valkey],
  valkeyLarge: ["1MiB", "1MiB", valkey],
  valkeyLeased: [1_024, "1,024", valkey],
  valkeyLeaseTimeout: ["off", "off", valkey],
  valkeyBacklog: ["64KiB", "64KiB", valkey],
  valkeyRetry: ["reads", "reads", valkey],
  valkeySlow: ["keys,sort", "KEYS, SORT", valkey],
  valkeyDeny: [["config set"], "CONFIG SET", valkey],
  mode: ["oneway", "oneway"],
  connectTimeout: ["1s", "1s"],
  halfCloseTimeout: ["1s", "1s"],
  idleTimeout: ["1h", "1h"],
  clientIdleTimeout: ["1h", "1h"],
  upstreamIdleTimeout: ["1h", "1h"],
  keepAlive: ["10s", "10s"],
  unixMode: ["0660", "0660"],
  unixUser: [1_000, "1000"],
  unixGroup: [1_000, "1000"],
  keepAliveInterval: ["1s", "1s"],
  keepAliveProbes: [3, "3"],
  tcpUserTimeout: ["1m", "1m"],
  lifetime: ["1h", "1h"],
  balance: ["hash", "hash"],
  boundedLoad: [1.25, "1.25", { balance: "hash" }],
  backupWhenFull: [true, "on", withBackup],
  tries: [1, "1"],
  retries: [5, "5"],
  retryPause: ["2s", "2s"],
  dialBudget: ["1m", "1m"],
  queueTimeout: ["1s", "1s"],
  queueSize: [2_048, "2,048"],
  holdTimeout: ["30s", "30s"],
  sourceAddress: ["127.0.0.2", "127.0.0.2"],
};

/** Settings that are told together. */
const together: Readonly<Record<string, string>> = {
  checkSend: "checkSend, checkExpect",
  checkExpect: "checkSend, checkExpect",
  checkTlsCert: "checkTlsCert, checkTlsKey",
  checkTlsKey: "checkTlsCert, checkTlsKey",
};
/** And what the line of a listener itself says. */
const inItsLine: Readonly<Record<string, string>> = {
  mode: " → a:1 (oneway: nothing comes back)",
  mirror: " → a:1 (copied to b:1)",
};

/** What the schema says that a setting has unless it is given. */
function defaultOf({ default: value }: { default?: unknown } = {}): string {
  if (typeof value === "number") return formatCount(value);
  if (typeof value === "boolean") return value ? "on" : "off";
  return String(value ?? "none");
}

const all = schema.properties as Readonly<Record<string, { default?: unknown }>>;

describe("check tells every setting that is not its default, and what that is", () => {
  test.each(Object.entries(proxySamples))("%s", (key, [given, shown, beside]) => {
    const line = `\n  ${key} ${shown} (default: ${defaultOf(all[key])})\n`;
    expect(told({ ...beside, [key]: given })).toContain(line);
  });

  test.each(Object.entries(listenerSamples))("%s of a listener", (key, [given, shown, beside]) => {
    const line =
      inItsLine[key] ?? `\n    ${together[key] ?? key} ${shown} (default: ${defaultOf(all[key])})`;
    expect(`${told({ ...beside, [key]: given })}\n`).toContain(`${line}\n`);
  });

  test.each(Object.entries(uringSamples))("uring.%s", (key, [given, shown, beside]) => {
    const { properties } = schema.properties.uring;
    const initial = defaultOf((properties as typeof all)[key]);
    const line = `\n  uring.${key} ${shown} (default: ${initial})\n`;
    expect(told({ uring: { ...beside, [key]: given } })).toContain(line);
  });
});

test("of defaults nothing is told", () => {
  expect(told({})).toBe("ok: 1 listener, 1 upstream\n  [::]:1 → a:1");
});

test("of a check that has nothing but its kind, that alone is told", () => {
  for (const kind of ["tcp", "http", "redis", "postgres"]) {
    const line = `\n    check ${kind} (default: none)`;
    expect(told({ check: kind })).toEndWith(`:1 → a:1${line}`);
    // It begins as relays do, and goes where they go.
    const sent = "\n    sendProxyProtocol v2 (default: off)";
    const all = told({ check: kind, sendProxyProtocol: "v2", sourceAddress: "127.0.0.2" });
    const source = "\n    sourceAddress 127.0.0.2 (default: none)";
    expect(all).toEndWith(`:1 → a:1${source}${line}${sent}`);
  }
});

test("no secret is told", () => {
  const { adminReadToken } = proxySamples;
  const [given, , beside] = adminReadToken as Sample;
  expect(told({ ...beside, adminReadToken: given })).not.toContain(TOKEN);
});
