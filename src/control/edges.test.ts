import { expect, test } from "bun:test";
import { edgeDefaults } from "../config/edge.ts";
import {
  type EdgeOptions,
  type GateOptions,
  type ListenerOptions,
  listenerDefaults,
} from "../config/options.ts";
import { clientAt } from "../entry/access/test-addresses.ts";
import { ClientCounts } from "../entry/limits/client-counts.ts";
import { NETWORK_PREFIXES } from "../entry/limits/client-hash.ts";
import { Edges } from "./edges.ts";

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

/** The memory that workers get for the listener's clients. */
async function memoryOf(edges: Edges, edge: Partial<EdgeOptions>) {
  const [adopted] = await edges.adopt([listener(edge)], 0);
  return adopted?.edge.gate;
}

test("what was counted outlives reloads", async () => {
  const edges = new Edges(1, new Rows());
  const before = await memoryOf(edges, limited);
  edges.retain();
  const after = await memoryOf(edges, { ...limited, clientRate: 6 });
  edges.retain();
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
  const [one, two] = await edges.adopt([at(1), at(2)], 0);
  edges.retain();
  expect(two?.edge.gate).toEqual(one?.edge.gate as GateOptions);
  expect(two?.edge.gate?.counts).toBe(one?.edge.gate?.counts as SharedArrayBuffer);
  const [left] = await edges.adopt([at(2)], 0);
  edges.retain();
  expect(left?.edge.gate).toEqual(one?.edge.gate as GateOptions);
  expect(left?.edge.gate?.rates).toBe(one?.edge.gate?.rates as SharedArrayBuffer);
  expect(rows.names).toEqual(["127.0.0.1:1"]);
});

test("a reload that fails after this step loses nothing", async () => {
  const edges = new Edges(1, new Rows());
  const before = await memoryOf(edges, limited);
  edges.retain();
  // Adopted, but an address could not be listened on: never retained.
  await memoryOf(edges, {});
  await memoryOf(edges, { ...limited, clientRate: 6 });
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
  await edges.adopt([at(1, 5), at(2, 5)], 10);
  edges.retain();
  expect(rows.names).toEqual(["127.0.0.1:1", "all relays", "127.0.0.1:2"]);
  await edges.adopt([at(2, 5), at(3, 5)], 0);
  // What holds still may be needed if that fails.
  expect(rows.names).toHaveLength(4);
  edges.restore();
  expect(rows.names).toEqual(["127.0.0.1:1", "all relays", "127.0.0.1:2"]);
  await edges.adopt([at(2, 6), at(1, 0)], 0);
  edges.retain();
  expect(rows.names).toEqual(["127.0.0.1:2"]);
  const files = ["/nowhere/networks.txt"];
  const missing = { ...at(5, 0), edge: { ...edgeDefaults, deny: { networks: [], files } } };
  await expect(edges.adopt([at(4, 5), missing], 0)).rejects.toThrow();
  edges.restore();
  expect(rows.names).toEqual(["127.0.0.1:2"]);
});

test("what a failed worker had counted of clients and networks is taken back", async () => {
  const edges = new Edges(2, new Rows());
  const { counts, networkCounts } = (await memoryOf(edges, limited)) as GateOptions;
  edges.retain();
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
