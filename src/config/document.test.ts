import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ConfigError, printable } from "../base/error.ts";
import { listenerDefaults, uringDefaults } from "./defaults.ts";
import { readDocument } from "./document.ts";
import type { Environment } from "./environment.ts";
import { plainUpstream } from "./listeners.ts";
import { Problems } from "./sourced.ts";
import { type Settings, validate } from "./validate.ts";

/** What a file means. @throws ConfigError */
function settingsOf(content: unknown, environment: Environment = {}): Settings {
  const problems = new Problems();
  const source = readDocument(content, "f.toml", environment, problems);
  // Most are about one key alone, and a file that relays nowhere is wrong for that.
  const isAimless = source.listeners === undefined && source.upstream === undefined;
  const flags = isAimless ? { upstream: { value: "up:1", label: "--upstream" } } : {};
  return validate(flags, source, problems.sentences);
}

/** Everything that is said of a file, without its name. */
function complaints(content: unknown, environment: Environment = {}): readonly string[] {
  try {
    settingsOf(content, environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((sentence) => sentence.replace(/^f\.toml: /, ""));
  }
  return [];
}

const access = { mode: 0o640, user: null, group: null };
const unix = { mode: 0o600, user: null, group: null };

test("a whole configuration", () => {
  const settings = settingsOf({
    connectTimeout: "2s",
    mode: "oneway",
    upstream: "x:9",
    listeners: [
      {
        name: "a",
        listen: [":1", "unix:/a"],
        upstreams: ["b:2", { address: "c:3", weight: 2, backup: true }],
      },
      { listen: ":4", upstreams: "d:5", mode: "bidirectional", connectTimeout: 1 },
      { listen: ":6", mode: "sink", halfCloseTimeout: "10s" },
      { listen: ":7", upstreams: { address: "unix:/b" } },
      { listen: ":8", balance: "hash", boundedLoad: 1.25, tries: 2, queueTimeout: "2s" },
    ],
    engine: "uring",
    workers: 1,
    drainTimeout: "1m",
    dnsServers: ["127.0.0.1:8600", "::1"],
    dnsAllow: ["127.0.0.1"],
    segmentSize: "128KiB",
    segmentCount: 64,
    accessLog: "/var/log/a",
    accessLogStarts: true,
    accessLogEvery: 10,
    admin: "unix:/run/a.sock",
    adminToken: "none",
    stats: "none",
    verbose: true,
    uring: { entries: 64 },
  });
  const tcp = (host: string, port: number) => ({ kind: "tcp", host, port }) as const;
  const to = (host: string, port: number) => plainUpstream(tcp(host, port));
  const own = { engine: "uring", mode: "oneway", connectTimeoutMs: 2_000 } as const;
  const shared = { ...listenerDefaults, ...own };
  const backup = { ...to("c", 3), weight: 2, isBackup: true };
  const named = { ...shared, name: "a", upstreams: [to("b", 2), backup] };
  const { dial } = listenerDefaults;
  expect(settings).toEqual({
    listeners: [
      { ...named, address: tcp("::", 1) },
      { ...named, address: { kind: "unix", path: "/a" } },
      {
        ...shared,
        address: tcp("::", 4),
        upstreams: [to("d", 5)],
        mode: "bidirectional",
        connectTimeoutMs: 1_000,
      },
      // The upstreams for all are not for a sink.
      { ...shared, address: tcp("::", 6), upstreams: [], mode: "sink", halfCloseTimeoutMs: 10_000 },
      {
        ...shared,
        address: tcp("::", 7),
        upstreams: [plainUpstream({ kind: "unix", path: "/b" })],
      },
      {
        ...shared,
        address: tcp("::", 8),
        upstreams: [to("x", 9)],
        balance: { policy: "hash", boundedLoad: 1.25, backupWhenFull: false },
        dial: { ...dial, tries: 2, queueMs: 2_000 },
      },
    ],
    workers: 1,
    totalRelays: 0,
    drainDelayMs: 0,
    drainTimeoutMs: 60_000,
    dnsServers: [
      { host: "127.0.0.1", port: 8_600 },
      { host: "::1", port: 53 },
    ],
    dnsTtl: { minMs: 1_000, maxMs: 300_000 },
    dnsAllow: [{ network: { family: 4, words: [0x7f00_0001], prefix: 32 }, ports: null }],
    memory: { segmentSize: 131_072, segmentCount: 64 },
    uring: { ...uringDefaults, entries: 64 },
    accessLog: { target: { path: "/var/log/a" }, starts: true, everyMs: 10_000, access },
    admin: {
      address: { kind: "unix", path: "/run/a.sock" },
      token: null,
      readToken: null,
      readyWhen: "accepting",
      unix,
    },
    account: null,
    stats: "none",
    verbose: true,
    overrides: [],
  });
});

describe("what is wrong", () => {
  const top = "`ringway init` writes a file with all keys";
  const one = { listen: ":1", upstreams: "a:1" };
  const many: [unknown, string[]][] = [
    [[1], ["expected keys with values, not a list"]],
    [null, ["expected keys with values, not null"]],
    ["hello", ["expected keys with values, not a text"]],
    [new Map([["mode", "sink"]]), ["expected keys with values, not a table"]],
    [{ mode: null }, ["mode null: expected bidirectional, oneway, sink or valkey"]],
    [{ listen: null }, ["listen null: expected an address"]],
    [{ listen: [] }, ["listen an empty list: expected an address or several"]],
    [
      { listen: [":1", 5, "x"] },
      ["listen[1] 5: expected an address", expect.stringMatching(/^listen\[2\] "x": no port; /)],
    ],
    [{ upstream: [["a:1"]] }, ["upstream[0] a list: expected an address"]],
    [{ upstream: {} }, ["upstream has no address, which it needs"]],
    [
      { upstream: { address: "a", wieght: 2 } },
      [
        expect.stringMatching(/^upstream\.address "a": no port; /),
        'unknown key "upstream.wieght"; did you mean upstream.weight?',
      ],
    ],
    [
      { upstream: [{ address: "foo:99999" }] },
      ['upstream[0].address "foo:99999": port "99999" is not a number of 1…65535'],
    ],
    [{ uring: true }, ["uring true: expected keys with values"]],
    [{ uring: [] }, ["uring an empty list: expected keys with values"]],
    [{ uring: new Date(0) }, ["uring a date: expected keys with values"]],
    [
      { uring: { recieve: "single" } },
      ['unknown key "uring.recieve"; did you mean uring.receive?'],
    ],
    [
      { uring: { "fixed-files": true, entries: 5 } },
      [
        "uring.entries 5: expected a power of two of 16…32,768",
        'unknown key "uring.fixed-files"; did you mean uring.fixedFiles?',
      ],
    ],
    [{ listn: 1 }, ['unknown key "listn"; did you mean listen?']],
    [{ "connect-timeout": "1s" }, ['unknown key "connect-timeout"; did you mean connectTimeout?']],
    [{ proxies: [{ a: 1 }] }, [`unknown key "proxies"; ${top}`]],
    [{ uringReceive: "single" }, [`unknown key "uringReceive"; ${top}`]],
    [{ upstreams: [] }, ['unknown key "upstreams"; did you mean upstream?']],
    [{ sqpoll: "1s" }, ['unknown key "sqpoll"; did you mean uring.sqpoll?']],
    [{ name: "a" }, ['unknown key "name"; it belongs in a table of the list listeners']],
    [
      { "a\u001b[2J\n": 1, "": 2 },
      [`unknown key "a\\u001b[2J\\u000a"; ${top}`, `unknown key ""; ${top}`],
    ],
    [{ $schema: 5 }, ["$schema 5: expected the address of a JSON Schema"]],
    [{ listeners: {} }, ["listeners a table: expected a list of tables"]],
    // Nothing is known of its listeners, and the default one is not taken for granted.
    [
      { listeners: {}, upstream: "127.0.0.1:6380" },
      ["listeners a table: expected a list of tables"],
    ],
    [{ listeners: [] }, ["listeners an empty list: expected a listener or several"]],
    [
      { listeners: [":1", one, 7] },
      ['listeners[0] ":1": expected keys with values', "listeners[2] 7: expected keys with values"],
    ],
    [{ listeners: [{ upstreams: "a:1" }] }, ["listeners[0] has no listen, which it needs"]],
    [
      { listeners: [{ listen: ":1" }] },
      ["listeners[0] has no upstreams: expected at least one, or mode sink"],
    ],
    [
      { listeners: [{ ...one, upstream: "a:1" }] },
      ['unknown key "listeners[0].upstream"; did you mean listeners[0].upstreams?'],
    ],
    [
      { listeners: [{ ...one, stats: "json" }] },
      [
        'unknown key "listeners[0].stats"; it belongs at the top of the file, outside of all tables',
      ],
    ],
    [
      {
        listeners: [
          { ...one, name: "a b" },
          { ...one, listen: ":2", name: 5 },
        ],
      },
      [
        'listeners[0].name "a b": expected a name of 1…63 letters, digits, dots, dashes and underscores',
        "listeners[1].name 5: expected a name of 1…63 letters, digits, dots, dashes and underscores",
      ],
    ],
    [
      {
        listeners: [
          { ...one, name: "a" },
          { ...one, listen: ":2", name: "a" },
        ],
      },
      ['listeners[1].name "a" is given twice'],
    ],
    [
      { listeners: [one, { ...one, listen: [":2", "[::0]:1"] }] },
      ['listeners[1].listen[1] "[::]:1" is given twice'],
    ],
    [
      {
        listeners: [
          { ...one, mode: "sink" },
          { ...one, listen: ":2", upstreams: ["a:1"] },
        ],
        mode: "sink",
      },
      [
        "listeners[0].upstreams contradicts mode sink, which has no upstream: leave one of them out",
        "listeners[1].upstreams contradicts mode sink, which has no upstream: leave one of them out",
      ],
    ],
    [
      { upstream: { address: "a:1" }, mode: "sink" },
      ["upstream contradicts mode sink, which has no upstream: leave one of them out"],
    ],
    [
      { listen: ":1", listeners: [{ ...one, listen: ":2" }] },
      ["listen contradicts listeners, which have addresses of their own: leave one of them out"],
    ],
    [
      { engine: "sockets", uring: { napi: "busy", entries: 3 } },
      [
        "uring.entries 3: expected a power of two of 16…32,768",
        "uring.entries contradicts engine sockets, which has no io_uring: leave one of them out",
        "uring.napi contradicts engine sockets, which has no io_uring: leave one of them out",
      ],
    ],
    [{ segmentCount: Number.NaN }, ["segmentCount NaN: expected a whole number of at least 1"]],
    [
      { drainTimeout: Number.POSITIVE_INFINITY },
      [expect.stringMatching(/^drainTimeout Infinity: /)],
    ],
    [{ verbose: () => true }, ["verbose a function: expected true or false"]],
    [
      { mode: Symbol("sink"), stats: 5n },
      [
        "mode Symbol(sink): expected bidirectional, oneway, sink or valkey",
        "stats 5: expected text, json or none",
      ],
    ],
    [
      { mode: "x\n\u202e\u0000" },
      ['mode "x\\u000a\\u202e\\u0000": expected bidirectional, oneway, sink or valkey'],
    ],
  ];
  test.each(many)("case %#", (content, expected) => {
    expect(complaints(content)).toEqual(expected);
  });

  test("everything is told at once, contradictions too", () => {
    const content = {
      mode: "both",
      listeners: [
        { listen: ":1", upstreams: ["a", "127.0.0.1:1"] },
        { listen: ":1", upstreams: ["b:1"], conectTimeout: 1 },
      ],
      segmentCount: 3,
    };
    expect(complaints(content)).toEqual([
      expect.stringMatching(/^listeners\[0\]\.upstreams\[0\] "a": no port; /),
      'unknown key "listeners[1].conectTimeout"; did you mean listeners[1].connectTimeout?',
      'mode "both": expected bidirectional, oneway, sink or valkey',
      'listeners[1].listen "[::]:1" is given twice',
      'listeners[0].upstreams[1] "127.0.0.1:1" is the listener [::]:1 itself: relays would loop',
      expect.stringMatching(/^segmentCount 3: expected at least 2MiB/),
    ]);
  });
});

describe("environment variables", () => {
  const environment = { HOST: "db", PORT: "5432", COUNT: "64", ON: "true" };

  test("stand anywhere in texts, and give numbers and switches too", () => {
    const settings = settingsOf(
      {
        listen: ["${ADDRESS:-127.0.0.1:1}"],
        upstream: [{ address: "${HOST}:${PORT}" }],
        segmentCount: "${COUNT}",
        verbose: "${ON}",
        uring: { fixedFiles: "${ON}", entries: "${COUNT}" },
      },
      environment,
    );
    expect(settings).toMatchObject({
      listeners: [{ upstreams: [{ address: { host: "db", port: 5432 } }] }],
      memory: { segmentCount: 64 },
      verbose: true,
      uring: { fixedFiles: true, entries: 64 },
    });
  });

  test("one that is not set is told with its place, once, and what else is wrong", () => {
    const content = {
      listeners: [{ listen: "${HOST}:1", upstreams: ["${GONE}:1", "x"] }],
      mode: "${MODE}",
      "${HOST}": 1,
    };
    expect(complaints(content, environment)).toEqual([
      'listeners[0].upstreams[0] "${GONE}:1": the environment variable GONE is not set',
      'mode "${MODE}": the environment variable MODE is not set',
      expect.stringMatching(/^listeners\[0\]\.upstreams\[1\] "x": no port; /),
      expect.stringMatching(/^unknown key "\$\{HOST\}"; /),
    ]);
  });

  test("put no keys, lists or tables into a file", () => {
    const evil = { LIST: '["a:1", "b:2"]', TABLE: "{ address: a }", LINES: ':1"\nverbose = true' };
    const texts = { listen: "${LINES}", upstream: "${LIST}", uring: "${TABLE}" };
    expect(complaints(texts, evil)).toEqual([
      expect.stringMatching(/^listen ":1\\"|^listen ":1"/),
      expect.stringMatching(/^upstream "\[.*": /),
      'uring "{ address: a }": expected keys with values',
    ]);
  });
});

describe("a hostile file", () => {
  test("keys that objects have a meaning for", () => {
    const json = '{"__proto__": {"mode": "sink"}, "constructor": 1, "uring": {"prototype": 2}}';
    for (const content of [JSON.parse(json), Bun.YAML.parse(json)]) {
      const told = complaints(content);
      expect(told).toHaveLength(3);
      expect(told[0]).toStartWith('unknown key "__proto__"; `ringway init`');
      expect(told[1]).toStartWith('unknown key "constructor"; `ringway init`');
      expect(told[2]).toStartWith('unknown key "uring.prototype"; expected one of receive');
    }
    expect(({} as { mode?: unknown }).mode).toBeUndefined();
    // What objects inherit is no key either.
    expect(complaints({ toString: 1, hasOwnProperty: 2 })).toHaveLength(2);
  });

  test("goes deep or in circles", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(complaints({ listeners: circle })).toEqual([
      "listeners[0][0] is nested too deeply for a configuration",
    ]);
    const table: Record<string, unknown> = {};
    table.uring = table;
    expect(complaints(table)).toEqual([
      "uring.uring.uring is nested too deeply for a configuration",
    ]);
  });

  test("has very many values, of which few are written", () => {
    const row = Array(1_000).fill("a:1");
    const content = { listeners: Array(1_000).fill({ listen: row, upstreams: row }) };
    expect(complaints(content)).toEqual(["has too many values for a configuration"]);
  });

  test("has a thousand listeners that lead to each other", () => {
    const listeners = Array.from({ length: 1_000 }, (_, index) => ({
      listen: `127.0.0.1:${index + 1}`,
      upstreams: `127.0.0.1:${index + 2}`,
    }));
    expect(complaints({ listeners })).toEqual([]);
    listeners.push({ listen: "127.0.0.1:1001", upstreams: "127.0.0.1:1" });
    const told = complaints({ listeners });
    expect(told).toHaveLength(101);
    expect(told.at(-1)).toBe("and 901 more");
  });

  test("may be any value: settings or sentences come of it, each on one line", () => {
    const keys = [
      "listen",
      "upstream",
      "listeners",
      "upstreams",
      "uring",
      "name",
      "address",
      "mode",
    ];
    const key = fc.oneof(
      fc.constantFrom(...keys, "segmentSize", "sqpoll", "__proto__"),
      fc.string(),
    );
    const text = fc.oneof(
      fc.constantFrom(
        ":1",
        "a:1",
        "unix:/a",
        "sink",
        "5s",
        "64KiB",
        "${A}",
        "${B:-:1}",
        "${",
        "\n",
      ),
      fc.string(),
    );
    const leaf = fc.oneof(
      text,
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.integer(),
      fc.date(),
    );
    const { content } = fc.letrec((tie) => ({
      content: fc.oneof({ maxDepth: 5 }, leaf, tie("list"), tie("table"), tie("table")),
      list: fc.array(tie("content"), { maxLength: 4 }),
      table: fc.dictionary(key, tie("content"), { maxKeys: 6 }),
    }));
    fc.assert(
      fc.property(fc.oneof(content, fc.anything()), (value) => {
        for (const sentence of complaints(value, { A: "x" })) {
          expect(sentence).toBe(printable(sentence));
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
