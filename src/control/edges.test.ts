import { expect, test } from "bun:test";
import { edgeDefaults, listenerDefaults } from "../config/defaults.ts";
import type { AdmissionTables, EdgeOptions, ListenerOptions } from "../config/options.ts";
import { clientAt } from "../entry/access/test-addresses.ts";
import { ClientCounts } from "../entry/limits/client-counts.ts";
import { NETWORK_PREFIXES } from "../entry/limits/client-hash.ts";
import { Edges } from "./edges.ts";
import { nextOf } from "./test-next.ts";

function listener(edge: Partial<EdgeOptions>): ListenerOptions {
  return {
    ...listenerDefaults,
    address: { kind: "tcp", host: "127.0.0.1", port: 1 },
    upstreams: [],
    edge: { ...edgeDefaults, ...edge },
  };
}

/** Rows, and who has them. */
class Rows {
  readonly names: string[] = [];
  rowOf(name: string): number {
    if (!this.names.includes(name)) this.names.push(name);
    return this.names.indexOf(name);
  }
  keepRows(names: ReadonlySet<string>): void {
    const kept = this.names.filter((name) => names.has(name));
    this.names.splice(0, this.names.length, ...kept);
  }
}

const limited = { maxRelaysPerClient: 3, clientRate: 5, maxRelaysPerNetwork: 9, networkRate: 50 };

/** The first half of a reload, and what workers are to know of the edges. */
async function prepare(edges: Edges, listeners: readonly ListenerOptions[], totalRelays = 0) {
  const next = nextOf(listeners, totalRelays);
  const stage = await edges.stage(next);
  return { stage, tables: next.edged.map(({ edge }) => edge.tables) };
}

/** A reload that is carried out. */
async function reload(...given: Parameters<typeof prepare>) {
  const { stage, tables } = await prepare(...given);
  void stage.commit();
  return tables;
}

/** The memory that workers get for the listener's clients. */
async function memoryOf(edges: Edges, edge: Partial<EdgeOptions>) {
  const [tables] = await reload(edges, [listener(edge)]);
  return tables;
}

test("what was counted outlives reloads", async () => {
  const edges = new Edges(1, new Rows());
  const before = await memoryOf(edges, limited);
  const after = await memoryOf(edges, { ...limited, clientRate: 6 });
  expect(before?.counts).toBeInstanceOf(SharedArrayBuffer);
  expect(after?.counts).toBe(before?.counts as SharedArrayBuffer);
  expect(after?.networkCounts).toBe(before?.networkCounts as SharedArrayBuffer);
  expect(after?.networkRates).toBe(before?.networkRates as SharedArrayBuffer);
  // Buckets of another rate begin anew.
  expect(after?.rates).not.toBe(before?.rates as SharedArrayBuffer);
});

test("addresses with one name share what is counted", async () => {
  const rows = new Rows();
  const edges = new Edges(1, rows);
  const at = (port: number) => ({
    ...listener({ ...limited, maxRelays: 5 }),
    name: "x",
    address: { kind: "tcp", host: "127.0.0.1", port } as const,
  });
  const [one, two] = await reload(edges, [at(1), at(2)]);
  expect(two).toEqual(one as AdmissionTables);
  expect(two?.counts).toBe(one?.counts as SharedArrayBuffer);
  const [left] = await reload(edges, [at(2)]);
  expect(left).toEqual(one as AdmissionTables);
  expect(left?.rates).toBe(one?.rates as SharedArrayBuffer);
  expect(rows.names).toEqual(["127.0.0.1:1"]);
});

test("a reload that fails after this step loses nothing", async () => {
  const edges = new Edges(1, new Rows());
  const before = await memoryOf(edges, limited);
  // An address could not be listened on.
  for (const edge of [{}, { ...limited, clientRate: 6 }]) {
    const { stage } = await prepare(edges, [listener(edge)]);
    void stage.discard();
  }
  const after = await memoryOf(edges, limited);
  expect(before?.rates).toBeInstanceOf(SharedArrayBuffer);
  expect(after?.rates).toBe(before?.rates as SharedArrayBuffer);
  expect(after?.counts).toBe(before?.counts as SharedArrayBuffer);
});

test("the rows of listeners that go are given back, those of a reload that fails too", async () => {
  const rows = new Rows();
  const edges = new Edges(1, rows);
  const at = (port: number, maxRelays: number) => ({
    ...listener({ maxRelays }),
    address: { kind: "tcp", host: "127.0.0.1", port } as const,
  });
  await reload(edges, [at(1, 5), at(2, 5)], 10);
  expect(rows.names).toEqual(["127.0.0.1:1", "all relays", "127.0.0.1:2"]);
  const { stage } = await prepare(edges, [at(2, 5), at(3, 5)]);
  // What holds still may be needed if that fails.
  expect(rows.names).toHaveLength(4);
  void stage.discard();
  expect(rows.names).toEqual(["127.0.0.1:1", "all relays", "127.0.0.1:2"]);
  await reload(edges, [at(2, 6), at(1, 0)]);
  expect(rows.names).toEqual(["127.0.0.1:2"]);
  const files = ["/nowhere/networks.txt"];
  const missing = { ...at(5, 0), edge: { ...edgeDefaults, deny: { networks: [], files } } };
  await expect(prepare(edges, [at(4, 5), missing])).rejects.toThrow();
  expect(rows.names).toEqual(["127.0.0.1:2"]);
});

test("what a failed worker had counted of clients and networks is taken back", async () => {
  const edges = new Edges(2, new Rows());
  const { counts, networkCounts } = (await memoryOf(edges, limited)) as AdmissionTables;
  const options = { max: 1, workers: 2, worker: 1 };
  const tables = [
    new ClientCounts({ ...options, memory: counts as SharedArrayBuffer }),
    new ClientCounts({
      ...options,
      ...NETWORK_PREFIXES,
      memory: networkCounts as SharedArrayBuffer,
    }),
  ];
  const client = clientAt("10.0.0.1");
  for (const one of tables) expect(one.tryEnter(client)).toBe(true);
  edges.workerFailed(1);
  expect(tables.map((one) => one.countOf(client))).toEqual([0, 0]);
});
