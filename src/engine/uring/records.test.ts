import { expect, test } from "bun:test";
import type { RelaySummary } from "../engine.ts";
import { noFlowStats } from "../tally.ts";
import { Records, relaysOf } from "./records.ts";

function relay(id: number): RelaySummary {
  return {
    id,
    client: `127.0.0.1:${40_000 + (id % 3)}`,
    upstream: id % 2 === 0 ? null : "10.0.0.1:6379",
    startedAt: 1_700_000_000_000.25 + id,
    durationMs: id / 8,
    dials: id % 4,
    reason: "client_fin",
    up: { ...noFlowStats(), receivedBytes: 2 ** 40 + id, sends: id },
    down: { ...noFlowStats(), lostBytes: id, shortSends: 7 },
  };
}

const plain = ({
  id,
  client,
  upstream,
  startedAt,
  durationMs,
  dials,
  reason,
  up,
  down,
}: RelaySummary) => ({
  id,
  client,
  upstream,
  startedAt,
  durationMs,
  dials,
  reason,
  up,
  down,
});

test("what goes in comes out, also beyond the room at first, batch after batch", () => {
  const records = new Records();
  for (const count of [1, 200, 3]) {
    const relays = Array.from({ length: count }, (_, id) => relay(id));
    for (const one of relays) records.add(one);
    expect(records.count).toBe(count);
    expect(relaysOf(structuredClone(records.take())).map(plain)).toEqual(relays);
  }
  expect(relaysOf(records.take())).toEqual([]);
});

test("a text is sent once", () => {
  const records = new Records();
  for (let id = 0; id < 30; id++) records.add(relay(id));
  expect(records.take().texts).toHaveLength(5);
});
