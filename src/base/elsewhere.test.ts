import { describe, expect, test } from "bun:test";
import { readFlags } from "../cli/read-flags.ts";
import { readDocument } from "../config/document.ts";
import { knownKeys } from "../config/schema.ts";
import { Problems } from "../config/sourced.ts";
import { checks, ownChecks } from "../config/table/checking.ts";
import { fullness, headersIn, headersOut } from "../config/table/entering.ts";
import { modes } from "../config/table/relaying.ts";
import { engines } from "../config/table/running.ts";
import { validate } from "../config/validate.ts";
import { policies } from "../upstream/balance/balance.ts";
import { parseAddress, parseUpstream } from "./address.ts";
import { settingsNamed, wordsNamed, wordsOfOthers } from "./elsewhere.ts";
import { ConfigError } from "./error.ts";

/** What is wrong with a file of this content. */
function complaints(content: unknown): readonly string[] {
  const problems = new Problems();
  try {
    validate({}, readDocument(content, "f", {}, problems), problems);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("words of other proxies get the word that is used here", () => {
  test.each([
    [{ maxconn: 10 }, 'unknown key "maxconn"; it is called maxRelays here'],
    [{ proxy_timeout: "1h" }, 'unknown key "proxy_timeout"; it is called idleTimeout here'],
    [{ proxyTimeout: "1h" }, 'unknown key "proxyTimeout"; it is called idleTimeout here'],
    [{ bind: ":1" }, 'unknown key "bind"; it is called listen here'],
    [{ nbthread: 4 }, 'unknown key "nbthread"; it is called workers here'],
    [{ udp: true }, 'unknown key "udp"; UDP is not supported'],
    [
      { listeners: [{ listen: ":1", server: "a:1" }] },
      'unknown key "listeners[0].server"; it is called upstreams here',
    ],
    [
      { listeners: [{ listen: ":1", upstreams: "a:1", nbthread: 4 }] },
      'unknown key "listeners[0].nbthread"; it is called workers here; ' +
        "it belongs at the top of the file, outside of all tables",
    ],
    [
      { upstream: [{ address: "a:1", maxconn: 4 }] },
      'unknown key "upstream[0].maxconn"; it is called maxRelays here',
    ],
    [
      { upstream: [{ address: "a:1", maxFails: 4 }] },
      `unknown key "upstream[0].maxFails"; it is called ejectAfter here; it belongs to the listener, for all of its upstreams; an upstream has ${knownKeys.upstream.join(", ")}`,
    ],
    // HAProxy's and nginx's address of a dial; `balance = "source"` is another thing.
    [{ source: "10.0.0.1" }, 'unknown key "source"; it is called sourceAddress here'],
    [
      { upstream: [{ address: "a:1", source: "10.0.0.1" }] },
      `unknown key "upstream[0].source"; it is called sourceAddress here; it belongs to the listener, for all of its upstreams; an upstream has ${knownKeys.upstream.join(", ")}`,
    ],
    [
      { listeners: [{ listen: ":1", upstreams: "a:1", proxy_bind: "10.0.0.1" }] },
      'unknown key "listeners[0].proxy_bind"; it is called sourceAddress here',
    ],
    [
      { priority: 2 },
      'unknown key "priority"; it is called backup here; it belongs to an upstream, as in { address = "host:port", backup = … }',
    ],
    [
      { weight: 2 },
      'unknown key "weight"; it belongs to an upstream, as in { address = "host:port", weight = … }',
    ],
    [{ "option tcp-check": true }, 'unknown key "option…"; it is called check here'],
    [{ optionRedispatch: true }, 'unknown key "optionRedispatch"; it is called tries here'],
    [
      { proxy_half_close: true },
      'unknown key "proxy_half_close"; it is called halfCloseTimeout here',
    ],
    [{ auto_eject_hosts: true }, 'unknown key "auto_eject_hosts"; it is called ejectAfter here'],
    [
      { server_retry_timeout: 5 },
      'unknown key "server_retry_timeout"; it is called ejectTime here',
    ],
    [
      { max_pending_requests: 5 },
      'unknown key "max_pending_requests"; it is called queueSize here',
    ],
    [{ metrics: ":9" }, 'unknown key "metrics"; it is called admin here'],
    [
      { stickTable: "" },
      'unknown key "stickTable"; balance = "hash" keeps a client with its upstream, and needs no table',
    ],
    [
      { upstream: [{ host: "a", port: 1 }] },
      'unknown key "upstream[0].host"; an address has its host and its port, as in host:port',
    ],
    [
      { global: {} },
      'unknown key "global"; there are no sections: what stands at the top of the file holds for all listeners',
    ],
    [
      { server_connections: 1 },
      'unknown key "server_connections"; it is called valkeyConnections here',
    ],
    [
      { redis: true },
      'unknown key "redis"; clients have a connection to the upstream each, or share some with mode = "valkey"',
    ],
  ])("in a file: %j", (content, sentence) => {
    expect(complaints(content)).toContain(`f: ${sentence}`);
  });

  test.each([
    ["--maxconn", "it is called --max-relays here"],
    ["--timeout-client", "it is called --idle-timeout here"],
    ["--timeout-server", "it is called --idle-timeout here"],
    ["--proxy-timeout", "it is called --idle-timeout here"],
    ["--udp", "UDP is not supported"],
    ["--source", "it is called --source-address here"],
    [
      "--syslog",
      "ringway does not speak syslog: use stdout and pipe it to logger, as in ringway --access-log stdout | logger --size 8KiB",
    ],
  ])("as a flag: %s", (flag, hint) => {
    expect(readFlags([flag, "1"]).problems).toEqual([`unknown flag "${flag}"; ${hint}`]);
  });

  test.each([
    ["balance", "leastconn", "is called least-relays here"],
    ["balance", "least_conn", "is called least-relays here"],
    ["balance", "roundrobin", "is called round-robin here"],
    ["balance", "source", "is called hash here"],
    ["balance", "ip_hash", "is called hash here"],
    ["check", "pgsql-check", "is called postgres here"],
    ["check", "off", "is called none here"],
    ["mode", "tcp", "is called bidirectional here"],
    ["mode", "redis", "is called valkey here"],
    ["mode", "udp", "UDP is not supported"],
    ["engine", "io_uring", "is called uring here"],
    ["onDown", "shutdown-sessions", "is called close here"],
    ["balance", "ketama", "is called hash here"],
    ["balance", "hash $remote_addr consistent", "is called hash here"],
    ["balance", "random two least_conn", "is called two-choices here"],
    [
      "balance",
      "least_time",
      "how long an upstream takes is not looked at: least-relays is nearest",
    ],
    ["proxyProtocol", "accept-proxy", "is called required here"],
    ["sendProxyProtocol", "send-proxy-v2", "is called v2 here"],
    ["whenFull", "reject", "is called refuse here"],
    ["refuse", "rst", "is called reset here"],
    ["idleTimeout", "never", "is called off here"],
    ["mode", "http", "HTTP is not understood: its bytes are relayed as they are, by bidirectional"],
  ])("as a value: %s %s", (setting, value, sentence) => {
    const colon = sentence.startsWith("is called") ? "" : ":";
    expect(complaints({ upstream: "a:1", [setting]: value })).toEqual([
      `f: ${setting} "${value}"${colon} ${sentence}`,
    ]);
  });

  test.each([
    ["unix@/run/a.sock", "unix@ is called unix: here, as in unix:/path"],
    [
      "db:+1000",
      "ports that follow the client's are a range here, as long as that of the listener: -l :5000-5010 -u db:6000-6010",
    ],
    ["abns@name", "abns@ is called unix:@ here, as in unix:@name"],
    ["udp:10.0.0.1:53", "UDP is not supported"],
    ["udp@:53", "UDP is not supported"],
    ["udp://10.0.0.1:53", "UDP is not supported"],
    ["quic4@:443", "UDP is not supported"],
    ["10.0.0.1:53/udp", "UDP is not supported"],
    ["ipv4@10.0.0.1:80", "leave what stands before the host out, as in host:port"],
    ["tcp:10.0.0.1:80", "leave what stands before the host out, as in host:port"],
  ])("as an address: %s", (text, sentence) => {
    expect(() => parseUpstream(text)).toThrow(`"${text}": ${sentence}`);
    expect(() => parseAddress(text, "listener")).toThrow(`"${text}": ${sentence}`);
  });

  test.each(["udp:53", "tcp:80", "quic:443"])("%s is a host of that name", (text) => {
    expect(parseAddress(text, "listener").kind).toBe("tcp");
  });
});

test("every word that is offered is one that ringway takes", () => {
  const own = [...knownKeys.top, ...knownKeys.listener, ...knownKeys.upstream];
  expect(settingsNamed.filter((name) => !own.includes(name))).toEqual([]);
  const settled = [policies, checks, ownChecks, engines, modes, headersIn, headersOut, fullness];
  const values: string[] = [...settled.flat(), "close", "reset"];
  expect(wordsNamed.filter((word) => !values.includes(word))).toEqual([]);
});

test("of each word of others one thing is said", () => {
  expect(wordsOfOthers.filter((word, at) => wordsOfOthers.indexOf(word) < at)).toEqual([]);
  expect(wordsOfOthers.filter((word) => !/^[a-z\d]+$/.test(word))).toEqual([]);
});

test("no word of others is a setting of ringway", () => {
  const own = [...knownKeys.top, ...knownKeys.listener, ...knownKeys.upstream, ...knownKeys.uring];
  const lower = new Set(own.map((key) => key.toLowerCase()));
  expect(wordsOfOthers.filter((word) => lower.has(word))).toEqual([]);
});

test("what is no word of anybody is told as before", () => {
  expect(complaints({ upstream: "a:1", balance: "best" })).toEqual([
    'f: balance "best": expected round-robin, least-relays, two-choices, random, first or hash',
  ]);
  expect(readFlags(["--backlog-of-mine", "1"]).problems).toEqual([
    'unknown flag "--backlog-of-mine"; see --help',
  ]);
});
