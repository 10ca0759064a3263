import { expect, test } from "bun:test";
import { edgeDefaults } from "../config/edge.ts";
import { type EdgeOptions, type ListenerOptions, listenerDefaults } from "../config/options.ts";
import { Edges } from "./edges.ts";

function listener(edge: Partial<EdgeOptions>): ListenerOptions {
  return {
    ...listenerDefaults,
    address: { kind: "tcp", host: "127.0.0.1", port: 1 },
    upstreams: [],
    edge: { ...edgeDefaults, ...edge },
  };
}

const limited = { maxRelaysPerClient: 3, clientRate: 5 };

/** The memory that workers get for the listener's clients. */
async function memoryOf(edges: Edges, edge: Partial<EdgeOptions>) {
  const [adopted] = await edges.adopt([listener(edge)], 0);
  return adopted?.edge.gate;
}

test("what was counted outlives reloads", async () => {
  const edges = new Edges(1, () => 0);
  const before = await memoryOf(edges, limited);
  edges.retain();
  const after = await memoryOf(edges, { ...limited, clientRate: 6 });
  edges.retain();
  expect(before?.counts).toBeInstanceOf(SharedArrayBuffer);
  expect(after?.counts).toBe(before?.counts as SharedArrayBuffer);
  // Buckets of another rate begin anew.
  expect(after?.rates).not.toBe(before?.rates as SharedArrayBuffer);
});

test("a reload that fails after this step loses nothing", async () => {
  const edges = new Edges(1, () => 0);
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
