import { describe, expect, test } from "bun:test";
import { formatAddress } from "../base/address.ts";
import { ConfigError } from "../base/error.ts";
import { readDocument } from "./document.ts";
import type { SettingName } from "./settings.ts";
import { Problems } from "./sourced.ts";
import { type Settings, validate } from "./validate.ts";

type Flags = Partial<Record<SettingName, unknown>>;

/** What flags and a file mean together. @throws ConfigError */
function together(flags: Flags, content: unknown): Settings {
  const problems = new Problems();
  const file = readDocument(content, "f", {}, problems);
  const given = Object.entries(flags).map(([name, value]) => [name, { value, label: `--${name}` }]);
  return validate(Object.fromEntries(given), file, problems.sentences);
}

/** Each listener in a line: `name: address → upstreams, mode, timeouts`. */
function lines(flags: Flags, content: unknown): string[] {
  return together(flags, content).listeners.map((one) => {
    const name = one.name === undefined ? "" : `${one.name}: `;
    const upstreams = one.upstreams.map(({ address }) => formatAddress(address)).join(" ");
    const times = `${one.connectTimeoutMs} ${one.halfCloseTimeoutMs}`;
    return `${name}${formatAddress(one.address)} → ${upstreams}, ${one.mode}, ${times}`;
  });
}

function complaints(flags: Flags, content: unknown): readonly string[] {
  try {
    together(flags, content);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const short = { listen: "a:1", upstream: ["b:2", "c:3"], connectTimeout: "1s" };
const several = {
  mode: "oneway",
  connectTimeout: "1s",
  listeners: [
    { name: "x", listen: "a:1", upstreams: "b:2" },
    { name: "y", listen: "a:2", upstreams: "c:3", mode: "bidirectional", connectTimeout: "2s" },
  ],
};

describe("flags win over a file", () => {
  test("none: the file holds", () => {
    expect(lines({}, short)).toEqual(["a:1 → b:2 c:3, bidirectional, 1000 60000"]);
    expect(lines({}, several)).toEqual([
      "x: a:1 → b:2, oneway, 1000 60000",
      "y: a:2 → c:3, bidirectional, 2000 60000",
    ]);
  });

  test("settings hold for every listener, whatever it says itself", () => {
    expect(lines({ connectTimeout: "9s", halfCloseTimeout: "8s" }, several)).toEqual([
      "x: a:1 → b:2, oneway, 9000 8000",
      "y: a:2 → c:3, bidirectional, 9000 8000",
    ]);
    expect(lines({ mode: "bidirectional" }, several)).toEqual([
      "x: a:1 → b:2, bidirectional, 1000 60000",
      "y: a:2 → c:3, bidirectional, 2000 60000",
    ]);
  });

  test("of a file without a list, an address replaces its like", () => {
    expect(lines({ listen: ["d:4"] }, short)).toEqual(["d:4 → b:2 c:3, bidirectional, 1000 60000"]);
    expect(lines({ upstream: ["d:4"] }, short)).toEqual(["a:1 → d:4, bidirectional, 1000 60000"]);
  });

  test("an address leaves nothing of a list, but what is outside of it", () => {
    expect(complaints({ listen: ["d:4"] }, several)).toEqual([
      "--listen replaces the list listeners, which has all upstreams: expected --upstream, upstream at the top of the file, or mode sink",
    ]);
    expect(lines({ listen: ["d:4"], mode: "sink" }, several)).toEqual(["d:4 → , sink, 1000 60000"]);
    expect(lines({ listen: ["d:4"] }, { ...several, upstream: "e:5" })).toEqual([
      "d:4 → e:5, oneway, 1000 60000",
    ]);
    expect(lines({ upstream: ["d:4"] }, several)).toEqual([
      "127.0.0.1:6380 → d:4, oneway, 1000 60000",
    ]);
  });

  test("settings of the whole proxy", () => {
    const { stats, drainTimeoutMs } = together(
      { stats: "none" },
      { ...short, stats: "json", drainTimeout: 1 },
    );
    expect({ stats, drainTimeoutMs }).toEqual({ stats: "none", drainTimeoutMs: 1_000 });
    const file = { ...short, uring: { entries: 64, bufferCount: 2 } };
    expect(together({ "uring.entries": "128" }, file).uring).toMatchObject({
      entries: 128,
      bufferCount: 2,
    });
  });

  test("a file is right as a whole, whatever flags replace of it", () => {
    expect(complaints({ mode: "sink", listen: [":1"] }, { mode: "both", listeners: [{}] })).toEqual(
      [
        "f: listeners[0] has no listen, which it needs",
        'f: mode "both": expected bidirectional, oneway, sink or valkey',
      ],
    );
  });

  test("contradictions are told of what holds, at the place that gave it", () => {
    expect(complaints({ mode: "sink" }, short)).toEqual([
      "f: upstream contradicts mode sink, which has no upstream: leave one of them out",
    ]);
    expect(complaints({ upstream: ["a:1"] }, { mode: "sink" })).toEqual([
      "--upstream contradicts mode sink, which has no upstream: leave one of them out",
    ]);
    expect(complaints({ engine: "sockets" }, { ...short, uring: { entries: 64 } })).toEqual([
      "f: uring.entries contradicts engine sockets, which has no io_uring: leave one of them out",
    ]);
    expect(complaints({ segmentSize: "1MiB" }, { ...short, segmentCount: 3 })).toEqual([
      "f: segmentCount 3: expected at least 2MiB and 4 segments, at most 64GiB in all, not the 3 segments of 1 MiB",
    ]);
  });
});

describe("a file without an upstream", () => {
  const without = "f: has no upstreams: expected at least one, or mode sink";

  test("is wrong: the embedded upstream is not for files", () => {
    expect(complaints({}, { listen: "0.0.0.0:7100" })).toEqual([without]);
    expect(complaints({ connectTimeout: "1s" }, { stats: "json" })).toEqual([without]);
    expect(complaints({ listen: [":1"] }, { listen: ":2" })).toEqual([without]);
    expect(complaints({ mode: "oneway" }, { mode: "sink" })).toEqual([without]);
    expect(complaints({}, { mode: "both" })).toHaveLength(1);
    expect(complaints({}, { upstream: [] })).toHaveLength(1);
  });

  test("says so when it is empty", () => {
    const empty = "f: is empty, without any key: expected at least one upstream, or mode sink";
    expect(complaints({}, {})).toEqual([empty]);
    expect(complaints({ listen: [":1"] }, {})).toEqual([empty]);
    const other = "f: is empty, without any key: expected at least one setting";
    expect(complaints({ listen: [":1"], upstream: ["b:2"] }, {})).toEqual([other]);
    expect(complaints({ mode: "sink" }, {})).toEqual([other]);
  });

  test("has one from flags, or needs none", () => {
    const little = { stats: "none" };
    expect(lines({ upstream: ["b:2"] }, little)).toEqual([
      "127.0.0.1:6380 → b:2, bidirectional, 5000 60000",
    ]);
    expect(lines({ mode: "sink" }, little)).toEqual(["127.0.0.1:6380 → , sink, 5000 60000"]);
    expect(lines({}, { mode: "sink" })).toEqual(["127.0.0.1:6380 → , sink, 5000 60000"]);
  });

  test("is not asked for one when it could not be read", () => {
    expect(complaints({ listen: [":1"] }, "text")).toEqual([
      "f: expected keys with values, not a text",
    ]);
  });
});

describe("what is said of checks", () => {
  const timing = {
    checkInterval: "1s",
    checkTimeout: "500ms",
    checkRise: 1,
    checkFall: 1,
    checkAddress: "127.0.0.1:1",
    checkProxyProtocol: "v2",
    checkTls: true,
  };

  test("needs a check, wherever it was given", () => {
    expect(complaints({}, { ...short, ...timing })).toEqual(
      Object.keys(timing).map((key) => `f: ${key} needs check`),
    );
    expect(complaints({ checkInterval: "2" }, short)).toEqual(["--checkInterval needs check"]);
    const listeners = [{ ...several.listeners[0], checkFall: 1 }, several.listeners[1]];
    expect(complaints({}, { listeners })).toEqual(["f: listeners[0].checkFall needs check"]);
  });

  test("needs none where it is that nothing is wanted", () => {
    expect(complaints({}, { ...short, checkTls: false, checkAddress: "none" })).toEqual([]);
  });

  test("may be for one listener alone, and is told of once where it is for none", () => {
    const listeners = [{ ...several.listeners[0], check: "tcp" }, several.listeners[1]];
    expect(complaints({}, { ...timing, listeners })).toEqual([]);
    const own = [listeners[0], { ...listeners[1], checkFall: 1 }];
    expect(complaints({}, { ...timing, listeners: own })).toEqual([
      "f: listeners[1].checkFall needs check",
    ]);
    expect(complaints({}, { ...several, checkInterval: "1s" })).toEqual([
      "f: checkInterval needs check",
    ]);
    expect(complaints({}, { ...short, ...timing, check: "none" })).toEqual([]);
    const itself = [{ ...listeners[0], ...timing }, listeners[1]];
    expect(complaints({}, { ...timing, listeners: itself })).toEqual([]);
    // Flags replace the list, and nothing is wrong with the file.
    const flags = { listen: ":3", upstream: "d:4" };
    expect(complaints(flags, { ...timing, listeners })).toEqual([]);
    const { length } = Object.keys(timing);
    expect(complaints(flags, { ...timing, ...several })).toHaveLength(length);
    expect(complaints({ ...flags, checkFall: "1" }, { listeners })).toEqual([
      "--checkFall needs check",
    ]);
    const mirrored = [{ ...several.listeners[0], mirror: "m:1" }, several.listeners[1]];
    expect(complaints(flags, { mirrorPercent: 5, listeners: mirrored })).toEqual([]);
    expect(complaints({}, { ...short, checkInterval: "soon" })).toHaveLength(1);
  });
});

describe("relays that would loop", () => {
  const listener = (listen: unknown, upstreams: unknown) => ({ listen, upstreams });
  const told = (...listeners: unknown[]) => complaints({}, { listeners });

  test("a listener may relay to another one", () => {
    expect(told(listener(":1", "127.0.0.1:2"), listener(":2", "c:3"))).toEqual([]);
    expect(
      told(listener(":1", ["127.0.0.1:2", "localhost:3"]), listener([":2", ":3"], "c:3")),
    ).toEqual([]);
  });

  test("nor may checks, of an upstream's own or at a port of its host", () => {
    const itself = "is the listener [::]:1 itself: relays would loop";
    const checks = (checkAddress: string, ...upstreams: unknown[]) =>
      complaints({}, { listen: ":1", check: "tcp", checkAddress, upstream: upstreams });
    expect(checks(":1", "127.0.0.1:5", "b:5")).toEqual([`f: checkAddress "127.0.0.1:1" ${itself}`]);
    expect(checks(":1", "10.0.0.5:5", "b:5")).toEqual([]);
    expect(checks(":1", { address: "127.0.0.1:5", check: "off" })).toEqual([]);
    expect(checks(":1", { address: "127.0.0.1:5", checkAddress: "none" })).toEqual([]);
    expect(checks("none", "b:5", { address: "c:5", checkAddress: "[::1]:1" })).toEqual([
      `f: upstream[1].checkAddress "[::1]:1" ${itself}`,
    ]);
    expect(checks("none", { address: "127.0.0.1:5", checkAddress: ":1" })).toEqual([
      `f: upstream[0].checkAddress "127.0.0.1:1" ${itself}`,
    ]);
  });

  test("nor may anything be the admin server", () => {
    const admin = "is the admin server 127.0.0.1:9 itself: ringway does not relay clients to it";
    const told = (content: object) =>
      complaints({}, { listen: ":1", admin: "127.0.0.1:9", check: "tcp", ...content });
    const upstream = { address: "127.0.0.1:5", checkAddress: "127.0.0.1:9" };
    expect(told({ upstream })).toEqual([`f: upstream.checkAddress "127.0.0.1:9" ${admin}`]);
    expect(told({ upstream: { ...upstream, checkAddress: ":9" } })).toEqual([
      `f: upstream.checkAddress "127.0.0.1:9" ${admin}`,
    ]);
    // Once for all upstreams that it is said of.
    expect(told({ upstream: ["127.0.0.1:5", "127.0.0.1:6"], checkAddress: ":9" })).toEqual([
      `f: checkAddress "127.0.0.1:9" ${admin}`,
    ]);
  });

  test("but not to itself, nor to one that relays back", () => {
    expect(told(listener([":1", "unix:/a"], ["b:1", "unix:/a", "[::1]:1"]))).toEqual([
      'f: listeners[0].upstreams[1] "unix:/a" is the listener unix:/a itself: relays would loop',
      'f: listeners[0].upstreams[2] "[::1]:1" is the listener [::]:1 itself: relays would loop',
    ]);
    const back = "which relays back to this one: relays would loop";
    expect(
      told(
        listener(":1", "127.0.0.1:2"),
        listener("127.0.0.1:2", "unix:/c"),
        listener("unix:/c", "127.0.0.1:1"),
        listener(":4", "127.0.0.1:1"),
      ),
    ).toEqual([
      `f: listeners[0].upstreams "127.0.0.1:2" is the listener 127.0.0.1:2, ${back}`,
      `f: listeners[1].upstreams "unix:/c" is the listener unix:/c, ${back}`,
      `f: listeners[2].upstreams "127.0.0.1:1" is the listener [::]:1, ${back}`,
    ]);
  });

  test("a sink relays nowhere", () => {
    const listeners = [
      { listen: ":1", upstreams: "127.0.0.1:2" },
      { listen: ":2", mode: "sink" },
    ];
    expect(complaints({}, { listeners, upstream: "127.0.0.1:1" })).toEqual([]);
  });
});

describe("a service", () => {
  const name = "srv:_redis._tcp.example.org";

  test("is an upstream, of which may be said what holds for its members", () => {
    const content = { upstream: [{ address: name, backup: true, maxRelays: 5 }, "a:1"] };
    const [listener] = together({}, content).listeners;
    expect(listener?.upstreams).toMatchObject([
      { address: { kind: "service" }, weight: 1, isBackup: true, maxRelays: 5 },
      { address: { kind: "tcp" } },
    ]);
    expect(lines({ upstream: name }, { stats: "none" })[0]).toContain(`→ ${name}, bidirectional`);
  });

  test("has no weight, and is told of once", () => {
    const listeners = [{ listen: ":1" }, { listen: ":2" }];
    expect(complaints({}, { upstream: [{ address: name, weight: 2 }], listeners })).toEqual([
      "f: upstream[0].weight is not for a service, whose records have weights: leave it out",
    ]);
    expect(complaints({}, { upstream: { address: name, weight: 999 } })).toEqual([
      "f: upstream.weight 999: expected a whole number of 0…256",
    ]);
  });

  test("cannot be checked in place of upstreams, nor listened on, nor be one of a sink", () => {
    expect(complaints({ checkAddress: name, check: "tcp" }, short)).toHaveLength(1);
    expect(complaints({ listen: name }, { upstream: "a:1" })).toHaveLength(1);
    expect(complaints({ upstream: name, mode: "sink" }, { stats: "none" })).toHaveLength(1);
  });
});
