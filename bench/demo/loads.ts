import type { Batch } from "./connection.ts";
import type { Load } from "./load.ts";
import { bulk, OK, request } from "./resp.ts";

const MIB = 1024 * 1024;

/** How many different values a connection sets and gets, so that a stray answer is noticed. */
const KEYS = 16;

/** What the demo drives, lightest first. */
export const loads: readonly Load[] = [
  {
    name: "10 SET (liburing #1338)",
    connections: 1,
    batches: (index) => smallSets(index),
    batchesMax: 10,
    durationMs: 5_000,
  },
  {
    name: "SET/GET, 50 clients",
    connections: 50,
    batches: (index) => smallSets(index).flatMap((set, key) => [set, smallGet(index, key)]),
    durationMs: 3_000,
  },
  {
    name: "SET/GET × 16, 50 clients",
    connections: 50,
    batches: (index) => pipelines(index),
    durationMs: 3_000,
  },
  {
    name: "SET/GET 1 MiB, 4 clients",
    connections: 4,
    batches: (index) => largeBatches(index),
    durationMs: 3_000,
  },
];

/** The same small SETs for so many clients, each of which waits for its reply. */
export function setLoad(name: string, connections: number, durationMs: number): Load {
  return { name, connections, batches: smallSets, durationMs };
}

function smallSets(index: number): Batch[] {
  return Array.from({ length: KEYS }, (_, key) => ({
    request: request("SET", keyName(index, key), smallValue(index, key)),
    reply: OK,
    requests: 1,
  }));
}

function smallGet(index: number, key: number): Batch {
  return {
    request: request("GET", keyName(index, key)),
    reply: bulk(smallValue(index, key)),
    requests: 1,
  };
}

/** Two pipelines of 16: the first sets and gets half of the keys, the second the other half. */
function pipelines(index: number): Batch[] {
  const single = smallSets(index).flatMap((set, key) => [set, smallGet(index, key)]);
  return [single.slice(0, KEYS), single.slice(KEYS)].map((batches) => ({
    request: Buffer.concat(batches.map((batch) => batch.request)),
    reply: Buffer.concat(batches.map((batch) => batch.reply)),
    requests: batches.length,
  }));
}

function largeBatches(index: number): Batch[] {
  const [key, value] = [`demo:large:${index}`, largeValue(index)];
  return [
    { request: request("SET", key, value), reply: OK, requests: 1 },
    { request: request("GET", key), reply: bulk(value), requests: 1 },
  ];
}

function keyName(index: number, key: number): string {
  return `demo:${index}:${key}`;
}

function smallValue(index: number, key: number): string {
  return `value ${index}:${key}`;
}

/** No two stretches are alike, so that a missing, doubled or swapped piece is noticed. */
function largeValue(index: number): Uint8Array {
  const words = new Uint32Array(MIB / 4);
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at + 1, 0x9e3779b1) ^ index;
  return new Uint8Array(words.buffer);
}
