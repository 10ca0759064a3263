import { describe, expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import { readDocument } from "./document.ts";
import type { ValkeyOptions } from "./options.ts";
import { Problems } from "./sourced.ts";
import { sharing } from "./table/sharing.ts";
import { validate } from "./validate.ts";

/** How the listeners of a file share connections, or all that is wrong with it. */
function valkeyOf(
  file: object,
  flags: Record<string, string> = {},
): readonly (ValkeyOptions | null)[] | readonly string[] {
  const problems = new Problems();
  const source = readDocument({ upstream: "a:1", ...file }, "f", null, problems);
  const given = Object.fromEntries(
    Object.entries(flags).map(([key, value]) => [key, { value, label: `--${key}` }]),
  );
  try {
    return validate(given, source, problems.sentences).listeners.map(({ valkey }) => valkey);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

const initial: ValkeyOptions = {
  connections: 1,
  largeBytes: 64 * 1024,
  leased: 512,
  leaseTimeoutMs: 5_000,
  backlogBytes: 1024 ** 2,
  retry: "none",
  slow: [],
  deny: [],
};
const mode = "valkey";

test("only listeners of mode valkey share connections", () => {
  expect(valkeyOf({})).toEqual([null]);
  expect(valkeyOf({ mode: "oneway" })).toEqual([null]);
  expect(valkeyOf({ mode })).toEqual([initial]);
  expect(valkeyOf({}, { mode })).toEqual([initial]);
});

test("each setting has its place", () => {
  const settings = {
    valkeyConnections: 4,
    valkeyLarge: "1KiB",
    valkeyLeased: 10,
    valkeyLeaseTimeout: "off",
    valkeyBacklog: "2MiB",
    valkeyRetry: "reads",
    valkeySlow: ["KEYS", "ft.search"],
    valkeyDeny: "flushall, config  set",
  };
  expect(Object.keys(settings)).toEqual(Object.keys(sharing));
  expect(valkeyOf({ mode, ...settings })).toEqual([
    {
      connections: 4,
      largeBytes: 1024,
      leased: 10,
      leaseTimeoutMs: 0,
      backlogBytes: 2 * 1024 ** 2,
      retry: "reads",
      slow: ["KEYS", "FT.SEARCH"],
      deny: ["FLUSHALL", "CONFIG SET"],
    },
  ]);
});

test.each([
  ["valkeyConnections", 0, "expected a whole number of 1…64"],
  ["valkeyConnections", 65, "expected a whole number of 1…64"],
  ["valkeyLarge", 1023, "expected a size of 1KiB…512MiB"],
  ["valkeyLarge", "513MiB", "expected a size of 1KiB…512MiB"],
  ["valkeyLeased", 0, "expected a whole number of 1…65,536"],
  ["valkeyLeased", 65_537, "expected a whole number of 1…65,536"],
  ["valkeyLeaseTimeout", "2h", "expected a duration of 1ms…1h, or off"],
  ["valkeyBacklog", "15KiB", "expected a size of 16KiB…1GiB"],
  ["valkeyBacklog", "2GiB", "expected a size of 16KiB…1GiB"],
  ["valkeyRetry", "all", "expected none or reads"],
  ["valkeySlow", "GET,,SET", "expected commands such as KEYS or CONFIG SET"],
  ["valkeyDeny", "config set x", "expected commands such as KEYS or CONFIG SET"],
] as const)("%s may not be %p", (key, value, sentence) => {
  expect(() => sharing[key].is.rule(value)).toThrow(sentence);
});

describe("settings of mode valkey", () => {
  test.each(Object.entries(sharing))(
    "%s needs it, even as it is by default",
    (key, { initial }) => {
      const value = String(initial);
      expect(valkeyOf({ [key]: value })).toEqual([`f: ${key} needs mode valkey`]);
      expect(valkeyOf({}, { [key]: value })).toEqual([`--${key} needs mode valkey`]);
    },
  );

  test("may be at the top where one listener has it", () => {
    const listeners = [
      { listen: ":1", mode },
      { listen: ":2", mode: "oneway" },
    ];
    const valkeyLeased = 9;
    expect(valkeyOf({ valkeyLeased, listeners })).toEqual([{ ...initial, leased: 9 }, null]);
    const other = [listeners[0], { ...listeners[1], valkeyLeased }];
    expect(valkeyOf({ listeners: other })).toEqual([
      "f: listeners[1].valkeyLeased needs mode valkey",
    ]);
  });

  test("are not asked for it where flags say another mode, or where the mode is broken", () => {
    expect(valkeyOf({ mode, valkeyLeased: 9 }, { mode: "oneway" })).toEqual([null]);
    const listeners = [{ listen: ":1", mode, valkeyLeased: 9 }];
    expect(valkeyOf({ listeners }, { mode: "oneway" })).toEqual([null]);
    expect(valkeyOf({ listeners }, { listen: ":2" })).toEqual([null]);
    expect(valkeyOf({ mode: "redis2", valkeyLeased: 9 })).toHaveLength(1);
  });

  test("a command that is refused is not slow", () => {
    const why = "is refused by valkeyDeny anyway: leave it out";
    expect(valkeyOf({ mode, valkeySlow: "keys,sort", valkeyDeny: "SORT" })).toEqual([
      `f: valkeySlow "SORT" ${why}`,
    ]);
    expect(valkeyOf({ mode, valkeySlow: "config get", valkeyDeny: "config" })).toEqual([
      `f: valkeySlow "CONFIG GET" ${why}`,
    ]);
    expect(valkeyOf({ mode, valkeySlow: "config", valkeyDeny: "config set" })).toHaveLength(1);
  });
});

describe("mode valkey refuses what would mean nothing", () => {
  const out = "leave one of them out";
  const noChoice = `contradicts mode valkey, where no client has an upstream of its own: ${out}`;
  const noHeader = `contradicts mode valkey, where many clients share a connection, and a PROXY header names one: ${out}`;
  const noPostgres = `contradicts mode valkey, which does not speak Postgres: ${out}`;

  test.each<[object, string]>([
    [
      { mirror: "b:1" },
      `mirror contradicts mode valkey, which has no stream of one client to copy: ${out}`,
    ],
    [{ routes: "a.test=a:1" }, `routes ${noChoice}`],
    [{ route: () => null }, `route ${noChoice}`],
    [{ sendProxyProtocol: "v2" }, `sendProxyProtocol ${noHeader}`],
    [
      { upstream: [{ address: "a:1", sendProxyProtocol: "v1" }] },
      `upstream[0].sendProxyProtocol ${noHeader}`,
    ],
    [{ startTls: "postgres" }, `startTls ${noPostgres}`],
    [{ upstreamTls: true, upstreamStartTls: "postgres" }, `upstreamStartTls ${noPostgres}`],
    [
      { balance: "hash" },
      "balance hash contradicts mode valkey, where upstreams are not chosen by client: use another policy, such as least-relays",
    ],
    [
      { downRate: "1MiB" },
      `downRate contradicts mode valkey, where a shared connection waits for no client: ${out}`,
    ],
    [
      { upstreamIdleTimeout: "1m" },
      "upstreamIdleTimeout contradicts mode valkey, where upstreams answer many clients: use idleTimeout or clientIdleTimeout",
    ],
    [
      { halfCloseTimeout: "5s" },
      `halfCloseTimeout contradicts mode valkey, which closes a client that has ended as soon as it has its replies: ${out}`,
    ],
  ])("%j", (settings, sentence) => {
    expect(valkeyOf({ mode, ...settings })).toEqual([`f: ${sentence}`]);
    // Of any other mode it is right.
    expect(valkeyOf(settings)).toEqual([null]);
  });

  test("unless it is turned off", () => {
    const off = {
      mirror: "none",
      routes: "off",
      route: false,
      sendProxyProtocol: "off",
      startTls: "off",
      upstreamStartTls: "off",
      downRate: "off",
      upstreamIdleTimeout: "off",
      balance: "first",
    };
    const others = {
      mirror: "b:1",
      routes: "a.test=a:1",
      route: () => null,
      sendProxyProtocol: "v2",
      startTls: "postgres",
      downRate: "1MiB",
      upstreamIdleTimeout: "1m",
      halfCloseTimeout: "5s",
      balance: "hash",
    };
    const listeners = [{ listen: ":1" }, { listen: ":2", mode, ...off }];
    expect(valkeyOf({ ...others, listeners })).toEqual([null, initial]);
  });

  test("a time for all listeners is for those that use it", () => {
    const listeners = [{ listen: ":1", mode }];
    const why = `contradicts mode valkey, which closes a client that has ended as soon as it has its replies: ${out}`;
    expect(valkeyOf({ halfCloseTimeout: "5s", listeners })).toEqual([`f: halfCloseTimeout ${why}`]);
    expect(valkeyOf({ halfCloseTimeout: "5s" }, { mode })).toEqual([`f: halfCloseTimeout ${why}`]);
    expect(valkeyOf({ mode }, { halfCloseTimeout: "5s" })).toEqual([`--halfCloseTimeout ${why}`]);
  });
});

test("mode valkey has everything else that a listener may have", () => {
  const settings = {
    allow: "10.0.0.0/8",
    maxRelays: 9,
    whenFull: "wait",
    maxRelaysPerClient: 5,
    clientRate: 5,
    upRate: "1MiB",
    proxyProtocol: "required",
    proxyProtocolFrom: "10.0.0.1",
    upstreamTls: true,
    check: "redis-primary",
    checkPassword: "a",
    balance: "first",
    tries: 2,
    retries: 1,
    queueTimeout: "1s",
    holdTimeout: "5s",
    onDown: "close",
    idleTimeout: "1h",
    clientIdleTimeout: "1h",
    lifetime: "24h",
    connectTimeout: "1s",
    engine: "sockets",
  };
  expect(valkeyOf({ mode, ...settings })).toEqual([initial]);
});
