import { expect, test } from "bun:test";
import type { Address } from "../../base/address.ts";
import { FlowCount, flowFigures } from "../../counts/figures.ts";
import { type ClientAddress, ipClient, UNIX_CLIENT } from "../../entry/access/client-address.ts";
import type { Hello } from "../../entry/tls-hello/hello.ts";
import type { RelaySummary } from "../../relay/ledger/stats.ts";
import { Summary } from "../../relay/ledger/summary.ts";
import { encodeSockaddr } from "../../system/sockaddr.ts";
import type { TlsFacts } from "../../transport/tls/facts.ts";
import { Records, relaysOf } from "./records.ts";

const own: Address = { kind: "tcp", host: "127.0.0.1", port: 6380 };
const upstream: Address = { kind: "tcp", host: "10.0.0.1", port: 6379 };

function flows(id: number): Float64Array {
  const rows = new Float64Array(2 * flowFigures.size);
  rows[FlowCount.receivedBytes] = 2 ** 40 + id;
  rows[FlowCount.sends] = id;
  rows[flowFigures.size + FlowCount.lostBytes] = id;
  rows[flowFigures.size + FlowCount.shortSends] = 7;
  return rows;
}

/** Some ask for a name, some for protocols. */
function hello(id: number): Hello {
  const name = id % 3 === 0 ? null : `host${id % 7}.test`;
  const alpn = id % 5 === 0 ? [] : ["h2", `p${id % 3}`];
  return { isTls: true, name, alpn, versions: ["1.3"] };
}

function tls(id: number): TlsFacts {
  const client = { commonName: id % 3 === 0 ? null : `app${id}`, names: ["a"], fingerprint: "F" };
  return {
    version: id % 2 === 0 ? "1.2" : "1.3",
    cipher: `C${id % 3}`,
    isResumed: id % 3 === 0,
    name: null,
    alpn: null,
    client: id % 5 === 0 ? null : client,
  };
}

function relay(id: number): Summary {
  const client: Address = {
    kind: "tcp",
    host: id % 5 === 0 ? "::1" : "127.0.0.1",
    port: 4000 + id,
  };
  return new Summary(
    id,
    id % 2 === 0 ? "redis" : "127.0.0.1:6380",
    id % 11 === 0 ? null : id % 7 === 0 ? UNIX_CLIENT : ipClient(encodeSockaddr(client)),
    id % 2 === 0 ? null : upstream,
    1_700_000_000_000.25 + id,
    id / 8,
    id % 4,
    id % 5 === 1 ? null : id / 16,
    id % 5 < 2 ? null : id / 10,
    id % 6 === 1,
    id % 3 === 0 ? null : "client_fin",
    id % 4 === 0 ? null : `tenant ${id % 3}`,
    id % 3 === 0 ? null : id % 2 === 0 ? "mirrored" : "slow",
    flows(id),
    [own, null, encodeSockaddr(client), UNIX_CLIENT][id % 4] ?? null,
    // In each answer of DNS it is another object.
    id % 2 === 0 ? null : { kind: "tcp", host: "10.0.0.2", port: 6379 },
    id % 3 === 0 ? ipClient(encodeSockaddr(client)) : null,
    id % 5 === 0 ? 0 : id / 4,
    id % 3 === 0 ? null : `route ${id % 4}`,
    id % 4 === 0 ? null : hello(id),
    id % 4 < 2 ? null : tls(id),
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
  "isWaiting",
  "reason",
  "label",
  "mirror",
  "local",
  "resolved",
  "peer",
  "waitedMs",
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

test("a client has its own bytes and no others, however long what it is called", () => {
  const records = new Records();
  const kinds = [
    UNIX_CLIENT,
    null,
    ipClient(encodeSockaddr(upstream)),
    // What no type lets in: a unix socket's whole path, a family of its own, far too much.
    Uint8Array.of(1, 0, ...Array<number>(108).fill(0x2f)) as ClientAddress,
    Uint8Array.of(40, 0, 1, 2) as ClientAddress,
    new Uint8Array(64 * 1024).fill(0xff) as ClientAddress,
  ];
  const relays = Array.from({ length: 700 }, (_, id) => {
    const { listener } = relay(id);
    const client = kinds[id % kinds.length] as ClientAddress | null;
    const times = [id, 0, 0, null, null] as const;
    return new Summary(
      id,
      listener,
      client,
      null,
      ...times,
      false,
      null,
      null,
      null,
      relay(id).flows,
      client,
      null,
      client,
      0,
      null,
      null,
      null,
    );
  });
  for (const one of relays) records.add(one);
  const taken = relaysOf(records.take());
  const names = taken.map(({ client }) => client);
  const known = ["unix", "unknown", "10.0.0.1:6379", "unix"];
  for (let id = 0; id < relays.length; id += kinds.length) {
    expect(names.slice(id, id + known.length)).toEqual(known);
  }
  expect(new Set(names)).toEqual(new Set(known));
  for (const { client, local, peer } of taken) {
    expect([local, peer]).toEqual(client === "unknown" ? [null, null] : [client, client]);
  }
});

test("a text is sent once", () => {
  const records = new Records();
  for (let id = 0; id < 30; id++) records.add(relay(id));
  const { texts } = records.take();
  expect(texts).toHaveLength(new Set(texts).size);
  expect(texts.length).toBeLessThan(30 * 2);
});
