import { describe, expect, test } from "bun:test";
import { formatAddress } from "../base/address.ts";
import { ConfigError } from "../base/error.ts";
import type { Config } from "./config.ts";
import { readDocument } from "./document.ts";
import { Problems } from "./sourced.ts";
import { type Settings, validate } from "./validate.ts";

function read(config: Config): Settings {
  const problems = new Problems();
  const source = readDocument(config, "f", null, problems);
  return validate({}, source, problems);
}

/** Each listener with its upstreams: `[name: ]address > upstreams`. */
function readable(config: Config): string[] {
  return read(config).listeners.map(({ name, address, upstreams }) => {
    const to = upstreams.map((one) => formatAddress(one.address));
    return `${name === undefined ? "" : `${name}: `}${formatAddress(address)} > ${to.join(" ")}`;
  });
}

function problemsOf(config: Config): readonly string[] {
  try {
    read(config);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("a range of ports is a listener for each", () => {
  test("to one upstream", () => {
    expect(readable({ listen: ["[::1]:5000-5002", "a:7"], upstream: "db:6000" })).toEqual([
      "[::1]:5000 > db:6000",
      "[::1]:5001 > db:6000",
      "[::1]:5002 > db:6000",
      "a:7 > db:6000",
    ]);
  });

  test("to the upstream's ports, one by one, beside others", () => {
    expect(
      readable({
        listeners: [
          {
            name: "db",
            listen: ["a:5000-5001", "b:1-2"],
            upstreams: [{ address: "db:6000-6001", weight: 7 }, "spare:1", "c:9-10"],
          },
        ],
      }),
    ).toEqual([
      "db: a:5000 > db:6000 spare:1 c:9",
      "db: a:5001 > db:6001 spare:1 c:10",
      "db: b:1 > db:6000 spare:1 c:9",
      "db: b:2 > db:6001 spare:1 c:10",
    ]);
  });

  test("what is said of an upstream holds at each port", () => {
    const { listeners } = read({
      listen: "a:1-3",
      upstream: { address: "b:1-3", weight: 7, backup: true, maxRelays: 5 },
    });
    expect(listeners.map(({ upstreams: [one] }) => one)).toMatchObject(
      [1, 2, 3].map((port) => ({ address: { port }, weight: 7, isBackup: true, maxRelays: 5 })),
    );
  });

  test("a sink, a service, and a port alone, which is a range of one", () => {
    const sink = { listen: "a:1-2", mode: "sink" } as const;
    const listeners = [sink, { listen: "c:1-7" }];
    expect(readable({ listeners, upstream: "b:1-7" }).slice(0, 3)).toEqual([
      "a:1 > ",
      "a:2 > ",
      "c:1 > b:1",
    ]);
    expect(readable({ listen: "a:1-2", upstream: "srv:_a._tcp.b" })).toEqual([
      "a:1 > srv:_a._tcp.b",
      "a:2 > srv:_a._tcp.b",
    ]);
    expect(readable({ listen: "a:5", upstream: "b:6-6" })).toEqual(["a:5 > b:6"]);
  });
});

describe("what cannot be is told", () => {
  const unlike = (place: string, has: string) =>
    `f: upstream b:1-3 has 3 ports, and the listener ${place} has ${has}: they go port by port`;

  test.each([
    ["a:1-2", "a:1-2", "2"],
    ["a:1", "a:1", "1"],
    ["unix:/x", "unix:/x", "none"],
  ])("ranges of other lengths: %s", (listen, place, has) => {
    expect(problemsOf({ listen, upstream: "b:1-3" })).toEqual([unlike(place, has)]);
  });

  test("of each listener that an upstream for all does not fit", () => {
    expect(
      problemsOf({
        listeners: [{ listen: "a:1-3" }, { listen: "c:5" }, { listen: "d:5", mode: "sink" }],
        upstream: "b:1-3",
      }),
    ).toEqual([unlike("c:5", "1")]);
  });

  test("ports that are given twice, once for each range", () => {
    expect(problemsOf({ listen: ["a:1-9", "a:3-12", "a:5"], upstream: "b:1" })).toEqual([
      'f: listen[1] "a:3" is given twice',
      'f: listen[2] "a:5" is given twice',
    ]);
  });

  test("names that two listeners have, but not that of a range", () => {
    const one = { name: "x", listen: "a:1-3", upstreams: "b:1-3" };
    expect(problemsOf({ listeners: [one, { ...one, listen: "a:4-6" }] })).toEqual([
      'f: listeners[1].name "x" is given twice',
    ]);
  });

  test("loops, port by port, once for each range", () => {
    const loop = (config: Config) => problemsOf(config).map((one) => one.replace(/^f: /, ""));
    expect(loop({ listen: "127.0.0.1:5000-5010", upstream: ":5000-5010" })).toEqual([
      'upstream "127.0.0.1:5000" is the listener 127.0.0.1:5000 itself: relays would loop',
    ]);
    expect(loop({ listen: "127.0.0.1:5000-5010", upstream: ":5005" })).toEqual([
      'upstream "127.0.0.1:5005" is the listener 127.0.0.1:5005 itself: relays would loop',
    ]);
    // From port to port, and out of it in the end.
    expect(loop({ listen: "127.0.0.1:5000-5010", upstream: ":5005-5015" })).toEqual([]);
  });

  test("the admin server among the ports of an upstream", () => {
    expect(
      problemsOf({ listen: "127.0.0.1:1-3", upstream: ":9600-9602", admin: "127.0.0.1:9601" }),
    ).toEqual([
      'f: upstream "127.0.0.1:9601" is the admin server 127.0.0.1:9601 itself: ringway does not relay clients to it',
    ]);
  });

  test("ranges where there is but one place", () => {
    const told = 'port "1-2" is not a number of';
    for (const one of [{ mirror: "m:1-2" }, { admin: "127.0.0.1:1-2" }]) {
      expect(problemsOf({ listen: "a:1", upstream: "b:1", ...one })).toEqual([
        expect.stringContaining(told),
      ]);
    }
  });
});
