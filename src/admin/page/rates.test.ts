import { expect, test } from "bun:test";
import { statistics } from "../../observe/statistics.ts";
import { engineStats, flowStats } from "../../observe/test-figures.ts";
import type { StateDocument } from "../state.ts";
import { gap, sample } from "./rates.ts";

/** A state at this many milliseconds after the start. */
function state(durationMs: number, accepted: number, bytes: number, pid = 1): StateDocument {
  const stats = engineStats({
    durationMs,
    relays: { accepted, running: 7, ended: 0, reasons: {} },
    up: flowStats({ receivedBytes: bytes }),
    down: flowStats({ receivedBytes: 2 * bytes }),
  });
  stats.memory.segmentsLeased = 2;
  return {
    version: "1",
    pid,
    status: "ready",
    standing: { kind: "ready", text: "ready" },
    startedAt: 0,
    uptimeMs: durationMs,
    engine: { name: "sockets", why: "", notes: [], workers: 1 },
    engines: [],
    drainTimeoutMs: 0,
    mayChange: true,
    listeners: [],
    upstreams: [],
    totals: statistics(stats, [], []),
    latency: { relays: 1, dialMs: { p50: 0.2, p99: 3 }, firstByteMs: null },
    process: { residentBytes: 0 },
  };
}

const unknown = { accepted: null, up: null, down: null };

test("rates between two states, by the proxy's own clock", () => {
  expect(sample(9, state(1_000, 10, 500), state(3_000, 14, 1_500))).toEqual({
    at: 9,
    running: 7,
    accepted: 2,
    up: 500,
    down: 1_000,
    pool: 131_072,
    dialP50: 0.2,
    dialP99: 3,
    firstByteP50: null,
    firstByteP99: null,
  });
});

test("the first state has no rates, nor has that of another process", () => {
  expect(sample(1, null, state(1_000, 1, 1))).toMatchObject({ running: 7, ...unknown });
  expect(sample(1, state(9, 9, 9), state(1_000, 1, 1, 2))).toMatchObject(unknown);
  expect(sample(1, state(1_000, 9, 9), state(1_000, 9, 9))).toMatchObject(unknown);
});

test("figures that fall give no negative rates", () => {
  expect(sample(1, state(1_000, 9, 9), state(2_000, 1, 1))).toMatchObject({ accepted: 0, up: 0 });
});

test("no answer is a gap", () => {
  const latency = { dialP50: null, dialP99: null, firstByteP50: null, firstByteP99: null };
  expect(gap(5)).toEqual({ at: 5, running: null, pool: null, ...unknown, ...latency });
});
