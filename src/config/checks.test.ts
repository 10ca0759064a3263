import { describe, expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import type { CheckOptions } from "../upstream/health/check-options.ts";
import { readDocument } from "./document.ts";
import type { UpstreamOptions } from "./options.ts";
import { Problems } from "./sourced.ts";
import { type Settings, validate } from "./validate.ts";

/** What a file means. @throws ConfigError */
function settingsOf(content: unknown): Settings {
  const problems = new Problems();
  return validate({}, readDocument(content, "f", {}, problems), problems.sentences);
}

function complaints(content: unknown): readonly string[] {
  try {
    settingsOf(content);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** The only listener of a file. */
function listenerOf(content: unknown) {
  const [listener] = settingsOf(content).listeners;
  if (listener === undefined) throw new Error("there is a listener");
  return listener;
}

/** How an upstream is checked, whoever has said so. */
function checkOf(content: unknown, index = 0): CheckOptions | null {
  const { upstreams, health } = listenerOf(content);
  const { check } = upstreams[index] as UpstreamOptions;
  return check === undefined ? health.check : check;
}

describe("an upstream says for itself", () => {
  test("whether it is checked, and how", () => {
    const listener = { check: "redis", checkPassword: "sesam", checkInterval: "5s" };
    const upstream = [
      "a:1",
      { address: "b:1", check: "off" },
      { address: "c:1", check: false },
      { address: "d:1", check: "on" },
      { address: "e:1", check: "tcp" },
      { address: "f:1", check: "redis-primary" },
    ];
    const found = upstream.map((_, index) => checkOf({ upstream, ...listener }, index));
    const redis = { kind: "redis", password: "sesam", intervalMs: 5_000 };
    expect(found[0]).toMatchObject(redis);
    expect(found[1]).toBeNull();
    expect(found[2]).toBeNull();
    expect(found[3]).toMatchObject(redis);
    // The password is for Redis alone.
    expect(found[4]).toMatchObject({ kind: "tcp", intervalMs: 5_000 });
    expect(found[4]?.password).toBeUndefined();
    expect(found[5]).toMatchObject({ ...redis, role: "primary" });
  });

  test("how far the time between two checks varies at random", () => {
    const content = { upstream: "a:1", check: "tcp" };
    expect(checkOf(content, 0)?.jitter).toBe(0.1);
    expect(checkOf({ ...content, checkJitter: 0 }, 0)?.jitter).toBe(0);
    expect(checkOf({ ...content, checkJitter: "25" }, 0)?.jitter).toBe(0.25);
    expect(complaints({ ...content, checkJitter: 51 })).toEqual([
      "f: checkJitter 51: expected a whole number of 0…50",
    ]);
    expect(complaints({ upstream: "a:1", checkJitter: 20 })).toEqual([
      "f: checkJitter needs check",
    ]);
  });

  test("where it is checked: the port of its own host, or an address", () => {
    const upstream = [
      { address: "db1:5432", checkAddress: ":8008" },
      { address: "db2:5432", checkAddress: "10.0.0.9:1" },
      { address: "db3:5432", checkAddress: "none" },
      "db4:5432",
    ];
    const content = { upstream, check: "http", checkAddress: ":9000" };
    expect(upstream.map((_, index) => checkOf(content, index)?.address)).toEqual([
      { kind: "port", port: 8_008 },
      { kind: "tcp", host: "10.0.0.9", port: 1 },
      null,
      { kind: "port", port: 9_000 },
    ]);
  });

  test("whether it gets PROXY headers, and what becomes of its relays", () => {
    const upstream = [
      { address: "a:1", sendProxyProtocol: "v2", onDown: "close" },
      { address: "b:1", onDown: "keep" },
      "c:1",
    ];
    expect(listenerOf({ upstream, onDown: "1m" }).upstreams).toMatchObject([
      { sendProxyProtocol: "v2", onDown: 0 },
      { onDown: null },
      {},
    ]);
  });

  test("what holds for all the members of a service", () => {
    const upstream = { address: "srv:_db._tcp.example.org", check: "http", checkAddress: ":8008" };
    expect(listenerOf({ upstream }).upstreams[0]?.check).toMatchObject({
      kind: "http",
      address: { kind: "port", port: 8_008 },
    });
  });

  test("what its check needs, where the listener has none", () => {
    const upstream = [{ address: "a:1", check: "http" }, "b:1"];
    const content = { upstream, checkPath: "/healthz", checkInterval: "1s" };
    expect(complaints(content)).toEqual([]);
    expect(checkOf(content)).toMatchObject({ kind: "http", path: "/healthz", intervalMs: 1_000 });
    expect(checkOf(content, 1)).toBeNull();
  });
});

describe("what cannot be together", () => {
  test.each<[unknown, string]>([
    [
      { upstream: { address: "a:1", check: "on" } },
      "f: upstream.check on: its listener has no check: name the kind here, such as tcp",
    ],
    [
      { upstream: { address: "a:1", checkAddress: ":8008" } },
      "f: upstream.checkAddress needs check",
    ],
    [
      { upstream: { address: "a:1", check: "off", checkAddress: ":8008" }, check: "tcp" },
      "f: upstream.checkAddress needs check",
    ],
    [
      { upstream: "unix:/run/a", check: "tcp", checkAddress: ":8008" },
      "f: checkAddress is a port of the upstream's own host, and unix:/run/a has none: give a whole address",
    ],
    [
      { upstream: { address: "a:1", check: "tcp" }, checkPath: "/" },
      "f: checkPath is only for check http, and this one is none",
    ],
    [
      { upstream: { address: "a:1", check: "ping" } },
      'f: upstream.check "ping": expected on, off, tcp, redis, redis-primary, redis-replica, postgres, http or send-expect',
    ],
    [{ upstream: "a:1", checkProxyProtocol: "v2" }, "f: checkProxyProtocol needs check"],
    [
      { upstream: "a:1", check: "tcp", checkAddress: ":99999" },
      'f: checkAddress ":99999": port "99999" is not a number of 1…65535',
    ],
    [
      { upstream: { address: "a:1", checkInterval: "1s" } },
      'f: unknown key "upstream.checkInterval"; it belongs to the listener, for all of its upstreams; an upstream has address, weight, backup, maxRelays, check, checkAddress, sendProxyProtocol, upstreamTls, upstreamTlsName, onDown',
    ],
    [
      { listeners: [{ listen: ":1", upstreams: [{ address: "a:1", workers: 2 }] }] },
      'f: unknown key "listeners[0].upstreams[0].workers"; it belongs at the top of the file, outside of all tables',
    ],
  ])("%j", (content, sentence) => {
    expect(complaints(content)).toEqual([sentence]);
  });

  test("is told once of upstreams that several listeners share", () => {
    const listeners = [{ listen: ":1" }, { listen: ":2" }];
    expect(complaints({ upstream: { address: "a:1", check: "on" }, listeners })).toHaveLength(1);
  });
});

describe("a check begins with a PROXY header", () => {
  const own = { address: "b:1", sendProxyProtocol: "v1" };
  test.each<[object, CheckOptions["proxyProtocol"], CheckOptions["proxyProtocol"]]>([
    [{}, "off", "v1"],
    [{ sendProxyProtocol: "v2" }, "v2", "v1"],
    [{ sendProxyProtocol: "v2", checkAddress: "c:1" }, "off", "off"],
    [{ sendProxyProtocol: "v2", checkAddress: ":1" }, "off", "off"],
    [{ sendProxyProtocol: "v2", checkAddress: ":1", checkProxyProtocol: "v2" }, "v2", "v2"],
    [{ sendProxyProtocol: "v2", checkProxyProtocol: "off" }, "off", "off"],
    [{ checkProxyProtocol: "v1" }, "v1", "v1"],
  ])("%j", (more, first, second) => {
    const content = { upstream: ["a:1", own], check: "tcp", ...more };
    expect(checkOf(content)?.proxyProtocol).toBe(first);
    expect(checkOf(content, 1)?.proxyProtocol).toBe(second);
  });
});
