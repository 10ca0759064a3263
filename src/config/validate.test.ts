import { describe, expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import { listenerDefaults, uringDefaults } from "./defaults.ts";
import { plainUpstream } from "./listeners.ts";
import type { SettingName } from "./settings.ts";
import { settingTable, uringTable } from "./table/table.ts";
import { type Given, needsEmbedded, proxyOptions, type Settings, validate } from "./validate.ts";

/** Values as the command line would give them. */
function given(values: Partial<Record<SettingName, unknown>>): Given {
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    { value, label: `--${name}` },
  ]);
  return Object.fromEntries(entries);
}

/** What it refuses with. */
function complaints(act: () => Settings): readonly string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const access = { mode: 0o640, user: null, group: null };
const unix = { mode: 0o600, user: null, group: null };

test("nothing given means the defaults", () => {
  expect(validate({})).toEqual({
    listeners: [
      {
        address: { kind: "tcp", host: "127.0.0.1", port: 6380 },
        upstreams: [],
        ...listenerDefaults,
      },
    ],
    workers: 1,
    totalRelays: 0,
    drainDelayMs: 0,
    drainTimeoutMs: 10_000,
    dnsServers: [],
    dnsTtl: { minMs: 1_000, maxMs: 300_000 },
    dnsAllow: [],
    memory: { segmentSize: 65_536, segmentCount: 4_096 },
    uring: uringDefaults,
    accessLog: null,
    admin: null,
    account: null,
    stats: "text",
    verbose: false,
    overrides: [],
  });
});

test("everything given", () => {
  const settings = validate(
    given({
      listen: [":1", "[::1]:2"],
      upstream: "db:5432",
      mode: "oneway",
      engine: "uring",
      workers: "1",
      dnsServers: "10.0.0.2, [::1]:8600",
      dnsMinTtl: "5s",
      dnsMaxTtl: 10,
      dnsAllow: "10.0.0.0/8:6379",
      connectTimeout: "1ms",
      halfCloseTimeout: 2,
      drainTimeout: 0,
      segmentSize: "4KiB",
      segmentCount: 512,
      "uring.receive": "single",
      "uring.entries": 64,
      accessLog: "stdout",
      accessLogStarts: "on",
      accessLogEvery: "1m",
      admin: ":9600",
      adminToken: "0123456789abcdef",
      adminReadToken: "abcdef0123456789",
      readyWhen: "upstreams",
      user: "proxy",
      group: "33",
      stats: "json",
      verbose: true,
    }),
  );
  const shared = {
    ...listenerDefaults,
    upstreams: [plainUpstream({ kind: "tcp", host: "db", port: 5432 })],
    mode: "oneway",
    engine: "uring",
    connectTimeoutMs: 1,
    halfCloseTimeoutMs: 2_000,
  } as const;
  expect(settings).toEqual({
    listeners: [
      { address: { kind: "tcp", host: "::", port: 1 }, ...shared },
      { address: { kind: "tcp", host: "::1", port: 2 }, ...shared },
    ],
    workers: 1,
    totalRelays: 0,
    drainDelayMs: 0,
    drainTimeoutMs: 0,
    dnsServers: [
      { host: "10.0.0.2", port: 53 },
      { host: "::1", port: 8600 },
    ],
    dnsTtl: { minMs: 5_000, maxMs: 10_000 },
    dnsAllow: [{ network: { family: 4, words: [0x0a00_0000], prefix: 8 }, ports: [6379, 6379] }],
    memory: { segmentSize: 4_096, segmentCount: 512 },
    uring: { ...uringDefaults, receive: "single", entries: 64 },
    accessLog: { target: "stdout", starts: true, everyMs: 60_000, access },
    admin: {
      address: { kind: "tcp", host: "::", port: 9_600 },
      token: "0123456789abcdef",
      readToken: "abcdef0123456789",
      readyWhen: "upstreams",
      unix,
    },
    account: { user: "proxy", group: "33" },
    stats: "json",
    verbose: true,
    overrides: [],
  });
});

describe("rules", () => {
  const DNS_SERVERS =
    "expected up to 8 addresses such as 10.0.0.2 or 127.0.0.1:8600, or system alone";
  const cases: [Partial<Record<SettingName, unknown>>, string][] = [
    [{ dnsMinTtl: "0" }, '--dnsMinTtl "0": expected a duration of 1s…1h'],
    [{ dnsMaxTtl: "25h" }, '--dnsMaxTtl "25h": expected a duration of 1s…24h'],
    [{ dnsMinTtl: "10s", dnsMaxTtl: "5s" }, "--dnsMaxTtl 5s is less than dnsMinTtl, which is 10s"],
    [
      { readyWhen: "upstreams" },
      "--readyWhen needs an admin server, and none is given: expected admin (--admin)",
    ],
    [{ readyWhen: "on" }, '--readyWhen "on": expected accepting or upstreams'],
    [{ listen: [] }, "--listen an empty list: expected an address or several"],
    [{ listen: [6380] }, "--listen 6380: expected an address"],
    [{ listen: { port: 1 } }, "--listen a table: expected an address"],
    [{ listen: [":1", "[0::0]:1"] }, '--listen "[::]:1" is given twice'],
    [{ listen: ["unix:/a", "unix:/a"] }, '--listen "unix:/a" is given twice'],
    ...["", "dns.example.org", "1.1.1.1:0", "1.1.1.1:65536"].map(
      (dnsServers): (typeof cases)[number] => [
        { dnsServers },
        `--dnsServers ${JSON.stringify(dnsServers)}: ${DNS_SERVERS}`,
      ],
    ),
    [{ dnsServers: "system, ::1" }, `--dnsServers "system": ${DNS_SERVERS}`],
    [{ dnsServers: true }, `--dnsServers true: ${DNS_SERVERS}`],
    [{ dnsServers: [] }, `--dnsServers an empty list: ${DNS_SERVERS}`],
    [{ dnsServers: "1.1.1.1,,::1" }, `--dnsServers "": ${DNS_SERVERS}`],
    [{ dnsServers: Array(9).fill("::1") }, `--dnsServers a list: ${DNS_SERVERS}`],
    [{ dnsServers: [8600] }, `--dnsServers 8600: ${DNS_SERVERS}`],
    [{ upstream: null }, "--upstream null: expected an address"],
    [{ upstream: "" }, '--upstream "": no port; expected host:port, [ipv6]:port or unix:/path'],
    [
      { mode: "sink", upstream: "a:1" },
      "--upstream contradicts mode sink, which has no upstream: leave one of them out",
    ],
    [
      { listen: ":1", upstream: "localhost:1" },
      '--upstream "localhost:1" is the listener [::]:1 itself: relays would loop',
    ],
    [
      { listen: "unix:/a", upstream: ["b:1", "unix:/a"] },
      '--upstream "unix:/a" is the listener unix:/a itself: relays would loop',
    ],
    [{ mode: "both" }, '--mode "both": expected bidirectional, oneway, sink or valkey'],
    [{ mode: ["sink"] }, "--mode a list: expected bidirectional, oneway, sink or valkey"],
    [{ engine: "epoll" }, '--engine "epoll": expected auto, sockets or uring'],
    [
      { engine: "sockets", "uring.napi": "busy" },
      "--uring.napi contradicts engine sockets, which has no io_uring: leave one of them out",
    ],
    [{ workers: "257" }, '--workers "257": expected a whole number of 1…256, or auto'],
    [{ workers: "many" }, '--workers "many": expected a whole number of 1…256, or auto'],
    [{ workers: -1 }, "--workers -1: expected a whole number of 1…256, or auto"],
    [{ connectTimeout: "0" }, '--connectTimeout "0": expected a duration of 1ms…24h'],
    [{ halfCloseTimeout: "25h" }, '--halfCloseTimeout "25h": expected a duration of 1ms…24h'],
    [{ drainTimeout: 86_401 }, "--drainTimeout 86401: expected a duration of 0…24h"],
    [{ drainTimeout: true }, "--drainTimeout true: expected a number or text"],
    [{ segmentSize: "2KiB" }, '--segmentSize "2KiB": expected a power of two of 4KiB…1MiB'],
    [{ segmentSize: "2MiB" }, '--segmentSize "2MiB": expected a power of two of 4KiB…1MiB'],
    [{ segmentSize: 0 }, "--segmentSize 0: expected a power of two of 4KiB…1MiB"],
    [{ segmentSize: 5_000 }, "--segmentSize 5000: expected a power of two of 4KiB…1MiB"],
    [{ segmentCount: "0" }, '--segmentCount "0": expected a whole number of at least 1'],
    [{ segmentCount: 1.5 }, "--segmentCount 1.5: expected a whole number of at least 1"],
    [{ segmentCount: Number.NaN }, "--segmentCount NaN: expected a whole number of at least 1"],
    [
      { segmentCount: 31 },
      "--segmentCount 31: expected at least 2MiB and 4 segments, at most 64GiB in all, not the 31 segments of 64 KiB",
    ],
    [
      { segmentSize: "1MiB", segmentCount: 65_537 },
      "--segmentCount 65537: expected at least 2MiB and 4 segments, at most 64GiB in all, not the 65,537 segments of 1 MiB",
    ],
    [
      { segmentSize: "1MiB", segmentCount: 3 },
      "--segmentCount 3: expected at least 2MiB and 4 segments, at most 64GiB in all, not the 3 segments of 1 MiB",
    ],
    [{ stats: "xml" }, '--stats "xml": expected text, json or none'],
    [{ verbose: "yes" }, '--verbose "yes": expected true or false'],
  ];
  test.each(cases)("%j", (values, message) => {
    expect(() => validate(given(values))).toThrow(new Error(message));
  });
});

test("what is at the border is allowed", () => {
  validate(given({ segmentCount: 32 }));
  validate(given({ segmentSize: "1MiB", segmentCount: 65_536 }));
  validate(given({ segmentSize: "1MiB", segmentCount: 4 }));
  validate(given({ drainTimeout: "24h", connectTimeout: "24h" }));
  validate(given({ listen: [":0", ":0"] }));
  validate(given({ listen: "127.0.0.1:1", upstream: "127.0.0.2:1" }));
});

test("everything that is wrong is told, also what contradicts each other", () => {
  const values = { listen: ["x", ":1"], upstream: ":1", mode: "both", segmentSize: 5_000 };
  expect(complaints(() => validate(given({ ...values, segmentCount: 3 })))).toEqual([
    '--listen "x": no port; expected host:port, :port, [ipv6]:port or unix:/path',
    '--mode "both": expected bidirectional, oneway, sink or valkey',
    "--segmentSize 5000: expected a power of two of 4KiB…1MiB",
    '--upstream "127.0.0.1:1" is the listener [::]:1 itself: relays would loop',
  ]);
});

test("what was found before comes first, and nothing is started of it", () => {
  expect(complaints(() => validate({}, null, ["one", "two"]))).toEqual(["one", "two"]);
});

test("listeners share the upstreams", () => {
  const settings = validate(given({ listen: [":1", ":2"], upstream: ["a:1", "b:2"] }));
  const { listeners, uring } = proxyOptions(settings, []);
  expect(uring).toBe(settings.uring);
  expect(listeners).toEqual(settings.listeners);
  expect(listeners.map(({ upstreams }) => upstreams.length)).toEqual([2, 2]);
});

test("the embedded upstream is for listeners that relay and have none", () => {
  const embedded = [{ kind: "tcp", host: "127.0.0.1", port: 7 }] as const;
  const none = validate({});
  expect(none.listeners.map(needsEmbedded)).toEqual([true]);
  expect(proxyOptions(none, embedded).listeners).toMatchObject([
    { upstreams: embedded.map(plainUpstream), upstreamInside: true },
  ]);
  const sink = validate(given({ mode: "sink" }));
  expect(sink.listeners.map(needsEmbedded)).toEqual([false]);
  expect(proxyOptions(sink, embedded).listeners).toEqual(sink.listeners);
});

test("every setting is looked at", () => {
  const names = [
    ...(["listen", "upstream"] as const),
    ...(Object.keys(settingTable) as SettingName[]),
    ...Object.keys(uringTable).map((key) => `uring.${key}` as SettingName),
  ];
  for (const name of names) {
    expect(() => validate(given({ [name]: { nonsense: 1 } }))).toThrow(`--${name} `);
  }
});
