import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { RelaySummary } from "../../relay/ledger/stats.ts";
import { flowStats, relaySummary } from "../test-figures.ts";
import { accessFields, accessLine } from "./line.ts";

test("every field", () => {
  const relay = relaySummary({
    id: 7,
    listener: "redis",
    dials: 2,
    dialMs: 1.23456,
    firstByteMs: 2,
    durationMs: 2_000.0004,
    reason: "upstream_reset",
    label: "tenant é",
    mirror: "slow",
    local: "10.0.0.3:6380",
    resolved: "[fe80::1%2]:6379",
    peer: "10.0.0.4:40000",
    waitedMs: 12.34567,
    route: "web",
    tlsName: "a.test",
    tlsAlpn: "h2,http/1.1",
    up: flowStats({ receivedBytes: 1_000, lostBytes: 10 }),
    down: flowStats({ receivedBytes: 2 ** 40 }),
  });
  expect(accessLine("end", relay)).toBe(
    '{"event":"end","time":"2023-11-14T22:13:22.000Z","id":7,"listener":"redis",' +
      '"client":"127.0.0.1:50000","upstream":"127.0.0.1:6379","tries":2,' +
      '"startedAt":"2023-11-14T22:13:20.000Z","dialMs":1.235,"firstByteMs":2,"durationMs":2000,' +
      '"upBytes":1000,"downBytes":1099511627776,"upLostBytes":10,"downLostBytes":0,' +
      '"reason":"upstream_reset","side":"upstream","label":"tenant \\u00e9","mirror":"slow",' +
      '"local":"10.0.0.3:6380","resolved":"[fe80::1%2]:6379","peer":"10.0.0.4:40000","waitedMs":12.346,' +
      '"route":"web","tlsName":"a.test","tlsAlpn":"h2,http/1.1"}\n',
  );
});

test("the fields that are described are those of a line, in their order", () => {
  const line = JSON.parse(accessLine("end", relaySummary()));
  expect(Object.keys(accessFields)).toEqual(Object.keys(line));
});

test("what is not known yet is null, in the same fields", () => {
  const start = { upstream: null, dials: 0, dialMs: null, firstByteMs: null, reason: null };
  const line = JSON.parse(accessLine("start", relaySummary({ ...start, durationMs: 0 })));
  expect(line).toMatchObject({
    event: "start",
    time: line.startedAt,
    upstream: null,
    tries: 0,
    dialMs: null,
    firstByteMs: null,
    reason: null,
    side: null,
  });
  const end = JSON.parse(accessLine("end", relaySummary()));
  expect(Object.keys(line)).toEqual(Object.keys(end));
});

test.each([
  ["client_fin", "client"],
  ["connect_refused", "upstream"],
  ["drain", null],
  ["half_close_timeout", null],
] as const)("%s is the doing of %p", (reason, side) => {
  expect(JSON.parse(accessLine("end", relaySummary({ reason })))).toMatchObject({ reason, side });
});

describe("nothing breaks a line", () => {
  /** Texts that would like to. */
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      '"',
      "\\",
      "\n",
      "\r\n",
      "\u2028",
      "\u0085",
      "\0",
      "\ud800",
      "\u001b[2J",
      '","',
    ),
    fc.string({ unit: fc.constantFrom('"', "\\", "\n", "\u2028", "}", "é", "\ud800", "\udc00") }),
  );
  const number = fc.oneof(fc.nat(), fc.double({ min: 0, max: 2 ** 50, noNaN: true }));

  test("any text in any place comes back as it was, on one line of ASCII", () => {
    fc.assert(
      fc.property(
        text,
        text,
        text,
        text,
        text,
        number,
        (listener, client, upstream, reason, label, ms) => {
          const parts = { listener, client, upstream, reason, label } as Partial<RelaySummary>;
          const line = accessLine("end", relaySummary({ ...parts, dialMs: ms }));
          expect(line).toMatch(/^[\x20-\x7e]+\n$/);
          expect(JSON.parse(line)).toMatchObject({ listener, client, upstream, reason, label });
        },
      ),
      { numRuns: 200 },
    );
  });
});
