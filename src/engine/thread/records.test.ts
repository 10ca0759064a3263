import { expect, test } from "bun:test";
import type { Address } from "../../config/options.ts";
import type { RelaySummary } from "../engine.ts";
import { encodeSockaddr } from "../sockaddr.ts";
import { Summary } from "../summary.ts";
import { noFlowStats } from "../tally.ts";
import { Records, relaysOf } from "./records.ts";

const upstream: Address = { kind: "tcp", host: "10.0.0.1", port: 6379 };

function relay(id: number): Summary {
  const client: Address = {
    kind: "tcp",
    host: id % 5 === 0 ? "::1" : "127.0.0.1",
    port: 4000 + id,
  };
  return new Summary(
    id,
    id % 2 === 0 ? "redis" : "127.0.0.1:6380",
    id % 7 === 0 ? Uint8Array.of(1, 0) : encodeSockaddr(client),
    id % 2 === 0 ? null : upstream,
    1_700_000_000_000.25 + id,
    id / 8,
    id % 4,
    id % 5 === 1 ? null : id / 16,
    id % 5 < 2 ? null : id / 10,
    id % 3 === 0 ? null : "client_fin",
    id % 4 === 0 ? null : `tenant ${id % 3}`,
    id % 3 === 0 ? null : id % 2 === 0 ? "mirrored" : "slow",
    { ...noFlowStats(), receivedBytes: 2 ** 40 + id, sends: id },
    { ...noFlowStats(), lostBytes: id, shortSends: 7 },
  );
}

const KEYS = [
  "id",
  "listener",
  "client",
  "upstream",
  "startedAt",
  "durationMs",
  "dials",
  "dialMs",
  "firstByteMs",
  "reason",
  "label",
  "mirror",
  "up",
  "down",
] as const satisfies readonly (keyof RelaySummary)[];

/** Whatever a relay's figures are kept in, as a plain object. */
function plain(relay: RelaySummary): Record<string, unknown> {
  return Object.fromEntries(KEYS.map((key) => [key, relay[key]]));
}

test("what goes in comes out, also beyond the room at first, batch after batch", () => {
  const records = new Records();
  for (const count of [1, 200, 3]) {
    const relays = Array.from({ length: count }, (_, id) => relay(id));
    for (const one of relays) records.add(one);
    expect(records.count).toBe(count);
    expect(relaysOf(structuredClone(records.take())).map(plain)).toEqual(relays.map(plain));
  }
  expect(relaysOf(records.take())).toEqual([]);
});

test("a text is sent once", () => {
  const records = new Records();
  for (let id = 0; id < 30; id++) records.add(relay(id));
  expect(records.take().texts).toHaveLength(9);
});
