import { describe, expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import { readDocument } from "./document.ts";
import { Problems } from "./sourced.ts";
import { listenerTable } from "./table/table.ts";
import { validate } from "./validate.ts";

/** The mirrors of a file's listeners, or all that is wrong with it. */
function mirrors(file: unknown, flags: Record<string, string> = {}) {
  const problems = new Problems();
  const source = readDocument(file, "f", null, problems);
  const given = Object.fromEntries(
    Object.entries(flags).map(([key, value]) => [key, { value, label: `--${key}` }]),
  );
  try {
    return validate(given, source, problems.sentences).listeners.map(({ mirror }) => mirror);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

describe("a mirror's buffer", () => {
  test.each([
    ["4KiB", 4096],
    ["16MiB", 16 * 1024 ** 2],
    [100_000, 100_000],
  ])("may be %p", (value, bytes) => {
    expect(listenerTable.mirrorBuffer.is.rule(value)).toBe(bytes);
  });

  test.each([[4095], ["17MiB"], [0]])("may not be %p", (value) => {
    expect(() => listenerTable.mirrorBuffer.is.rule(value)).toThrow(
      "expected a size of 4KiB…16MiB",
    );
  });
});

test.each([
  [0, "expected a whole number of 1…100"],
  [101, "expected a whole number of 1…100"],
  ["half", "expected a whole number of 1…100"],
])("%p percent is no share", (value, sentence) => {
  expect(() => listenerTable.mirrorPercent.is.rule(value)).toThrow(sentence);
});

test.each([
  ["10.0.0.9:0", "is not a number of 1…65535"],
  ["http://a:1", "without a scheme"],
  [true, "expected an address, or none"],
  [["a:1", "b:2"], "expected an address, or none"],
])("%p is no mirror", (value, sentence) => {
  expect(() => listenerTable.mirror.is.rule(value)).toThrow(sentence);
});

test("there is none unless one is given, and then with the defaults", () => {
  expect(mirrors({ upstream: "a:1" })).toEqual([null]);
  expect(mirrors({ upstream: "a:1", mirror: "none" })).toEqual([null]);
  const address = { kind: "tcp", host: "m", port: 9 } as const;
  const plain = { address, bufferSize: 1024 ** 2, percent: 100, plainText: false };
  expect(mirrors({ upstream: "a:1", mirror: "m:9" })).toEqual([plain]);
  const flags = { mirrorBuffer: "2MiB", mirrorPercent: "10" };
  const larger = { address, bufferSize: 2 * 1024 ** 2, percent: 10, plainText: false };
  expect(mirrors({ upstream: "a:1", mirror: "m:9" }, flags)).toEqual([larger]);
});

test("one at the top is for all listeners, but for those that have another one, or none", () => {
  const listeners = [
    { listen: ":1" },
    { listen: ":2", mirror: "unix:/m" },
    { listen: ":3", mirror: "none" },
  ];
  expect(mirrors({ upstream: "a:1", mirror: "m:9", listeners })).toMatchObject([
    { address: { host: "m" } },
    { address: { path: "/m" } },
    null,
  ]);
});

test("what is said of a mirror needs one", () => {
  expect(mirrors({ upstream: "a:1", mirrorPercent: 5 }, { mirrorBuffer: "1MiB" })).toEqual([
    "--mirrorBuffer needs mirror, the address to copy to",
    "f: mirrorPercent needs mirror, the address to copy to",
  ]);
});

test("a sink has none", () => {
  const why = "contradicts mode sink, which has no upstream: use mode oneway with it as upstream";
  expect(mirrors({ mode: "sink", mirror: "m:9" })).toEqual([`f: mirror ${why}`]);
  const listeners = [{ listen: ":1", mode: "sink", mirror: "none" }, { listen: ":2" }];
  expect(mirrors({ upstream: "a:1", mirror: "m:9", listeners })).toHaveLength(2);
});

test("copies that would come back to where they began are told", () => {
  expect(mirrors({ listen: ":1", upstream: "a:1", mirror: "localhost:1" })).toEqual([
    'f: mirror "localhost:1" is the listener [::]:1 itself: relays would loop',
  ]);
  const listeners = [
    { listen: ":1", upstreams: "a:1", mirror: "127.0.0.1:2" },
    { listen: ":2", upstreams: "127.0.0.1:1" },
    { listen: ":3", upstreams: "a:1", mirror: "127.0.0.1:4" },
    { listen: ":4", upstreams: "a:1" },
  ];
  expect(mirrors({ listeners })).toEqual([
    'f: listeners[0].mirror "127.0.0.1:2" is the listener [::]:2, which relays back to this one: relays would loop',
    'f: listeners[1].upstreams "127.0.0.1:1" is the listener [::]:1, which relays back to this one: relays would loop',
  ]);
});
