import { expect, test } from "bun:test";
import {
  type Config,
  defineConfig,
  type EdgeSettings,
  type HealthSettings,
  type ListenerConfig,
  type MirrorSettings,
  type RouteSettings,
  type UringConfig,
} from "../index.ts";
import { readDocument } from "./document.ts";
import { Problems } from "./sourced.ts";
import { validate } from "./validate.ts";

const uring: UringConfig = {
  receive: "single",
  receiveBundles: "off",
  receiveMessages: true,
  incremental: false,
  send: "zerocopy",
  taskrun: "coop",
  sqpoll: "100ms",
  fixedFiles: "on",
  hugePages: false,
  entries: 64,
  waitCount: "adaptive",
  waitTimeout: "50us",
  yield: "auto",
  napi: "busy",
  napiTimeout: 0.001,
  bufferSize: "4KiB",
  bufferCount: "16",
  largeBufferSize: 1024 * 1024,
};

/** Details of other checks cannot be together with these. */
const health = {
  check: "send-expect",
  checkInterval: "1s",
  checkTimeout: 0.5,
  checkRise: 1,
  checkFall: "2",
  checkAddress: "127.0.0.1:8080",
  checkProxyProtocol: "v2",
  checkSend: "PING\\r\\n",
  checkExpect: "/^\\+PONG/",
  checkTls: "on",
  checkTlsName: "up.example",
  checkTlsVerify: true,
  checkTlsCa: "none",
  checkTlsCert: "none",
  checkTlsKey: "none",
  checkTlsAlpn: "h2,http/1.1",
  ejectAfter: 5,
  ejectTime: "10s",
  panicThreshold: "50",
  slowStart: "30s",
  onDown: "close",
  onUp: "1m",
  onRemove: "1m",
} as const satisfies HealthSettings;

const edge: EdgeSettings = {
  allow: ["10.0.0.0/8", "file:allow.txt"],
  deny: "10.1.0.0/16, ::1",
  maxRelays: 1_000,
  whenFull: "wait",
  fullTimeout: "1m",
  maxRelaysPerClient: "10",
  clientRate: 0.5,
  clientBurst: 5,
  maxRelaysPerNetwork: 50,
  networkRate: "20",
  networkBurst: 40,
  upRate: "1MiB",
  downRate: 65_536,
  refuse: "10s",
  proxyProtocol: "optional",
  proxyProtocolFrom: "127.0.0.1",
  preambleTimeout: "1s",
  sendProxyProtocol: "v2",
};

const route: RouteSettings = {
  route: ({ header, upstreams }) => ({
    upstream: upstreams[0],
    label: header?.authority,
    refuse: header === null,
  }),
  routeTimeout: "50ms",
  routeFailure: "refuse",
};

const mirror: MirrorSettings = {
  mirror: "e:5",
  mirrorBuffer: "1MiB",
  mirrorPercent: "10",
};

const listener: ListenerConfig = {
  name: "a",
  listen: [":1", "unix:/a"],
  upstreams: ["b:2", { address: "c:3", weight: 2, backup: true, maxRelays: "100" }],
  mode: "oneway",
  connectTimeout: 2,
  halfCloseTimeout: "1h",
  idleTimeout: "1h",
  clientIdleTimeout: "1h",
  upstreamIdleTimeout: 3_600,
  keepAlive: "off",
  keepAliveInterval: "1s",
  keepAliveProbes: 3,
  unixMode: "0660",
  unixUser: "root",
  unixGroup: 0,
  backlog: 128,
  tcpUserTimeout: "30s",
  lifetime: "24h",
  balance: "hash",
  boundedLoad: 1.25,
  backupWhenFull: "on",
  tries: 2,
  retries: 3,
  retryPause: "500ms",
  dialBudget: "10s",
  queueTimeout: 5,
  queueSize: 100,
  holdTimeout: false,
  sourceAddress: ["127.0.0.1", "::1"],
  ...health,
  ...edge,
  ...route,
  ...mirror,
};

const whole: Config = {
  upstream: { address: "d:4" },
  listeners: [listener, { listen: ":5" }],
  mode: "bidirectional",
  connectTimeout: "5s",
  halfCloseTimeout: 60,
  idleTimeout: "off",
  clientIdleTimeout: "off",
  upstreamIdleTimeout: false,
  keepAlive: "30s",
  keepAliveInterval: 5,
  keepAliveProbes: "9",
  unixMode: "600",
  unixUser: 0,
  unixGroup: "root",
  backlog: "65535",
  tcpUserTimeout: "off",
  lifetime: "off",
  balance: "round-robin",
  boundedLoad: "off",
  backupWhenFull: false,
  tries: "3",
  retries: "0",
  retryPause: "1s",
  dialBudget: "off",
  queueTimeout: "off",
  queueSize: 1_024,
  holdTimeout: "off",
  sourceAddress: "none",
  ...health,
  ...edge,
  ...mirror,
  ...route,
  engine: "uring",
  workers: 1,
  totalRelays: "0",
  drainDelay: "5s",
  drainTimeout: 0,
  dnsServers: ["10.0.0.2", "[::1]:8600"],
  dnsMinTtl: "2s",
  dnsMaxTtl: "1m",
  dnsAllow: ["10.0.0.0/8:6379", "fd00::/8"],
  segmentSize: "64KiB",
  segmentCount: 4096,
  accessLog: "./access.log",
  accessLogStarts: "on",
  accessLogEvery: "1m",
  accessLogMode: "0644",
  accessLogUser: 0,
  accessLogGroup: "root",
  admin: "0.0.0.0:9600",
  adminToken: "0123456789abcdef",
  adminReadToken: "abcdef0123456789",
  readyWhen: "upstreams",
  user: "proxy",
  group: 33,
  stats: "json",
  verbose: true,
  uring,
};

test("what the types allow is understood", () => {
  for (const config of [whole, { listen: [":1"], upstream: ["a:1"] }, { mode: "sink" } as const]) {
    const problems = new Problems();
    const source = readDocument(defineConfig(config), "f.ts", null, problems);
    validate({}, source, problems.sentences);
    const { listeners, settings } = source;
    if (config !== whole) continue;
    expect(Object.keys(settings)).toHaveLength(Object.keys(whole).length - 3);
    expect(Object.keys(source.uring)).toHaveLength(Object.keys(uring).length);
    expect(listeners?.[0]).toMatchObject({ name: { value: "a" }, settings: { mode: {} } });
  }
});

test("what the types forbid", () => {
  // @ts-expect-error: a key that there is not
  defineConfig({ listn: ":1" });
  // @ts-expect-error: a word that there is not
  defineConfig({ mode: "both" });
  // @ts-expect-error: nothing to listen on
  defineConfig({ listeners: [{ upstreams: ["a:1"] }] });
  // @ts-expect-error: a key of another table
  defineConfig({ listeners: [{ listen: ":1", stats: "json" }] });
  // @ts-expect-error: a decision that there is not
  defineConfig({ route: () => ({ upsteam: "a:1" }) });
  // @ts-expect-error: nothing that a text can say
  defineConfig({ route: "a:1" });
  // @ts-expect-error: a number is no address
  defineConfig({ listen: 6380 });
});
