import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { UNIX_CLIENT } from "../access/client-address.ts";
import { clientAt, ipv4Client } from "../access/test-addresses.ts";
import { ClientCounts } from "./client-counts.ts";

test("so many relays and no more, each client for itself", () => {
  const counts = new ClientCounts({ max: 2 });
  for (const host of ["10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8:0:1::1"]) {
    const address = clientAt(host);
    expect([1, 2, 3, 4].map(() => counts.tryEnter(address))).toEqual([true, true, false, false]);
    counts.leave(address);
    expect(counts.countOf(address)).toBe(1);
    expect([1, 2].map(() => counts.tryEnter(address))).toEqual([true, false]);
  }
  expect(counts.tryEnter(clientAt("2001:db8::2"))).toBe(false);
  expect(counts.tryEnter(clientAt("::ffff:10.0.0.1"))).toBe(false);
});

test("another maximum counts for new relays", () => {
  const counts = new ClientCounts({ max: 2 });
  const address = clientAt("10.0.0.1");
  expect([1, 2].map(() => counts.tryEnter(address))).toEqual([true, true]);
  counts.max = 1;
  counts.leave(address);
  expect(counts.tryEnter(address)).toBe(false);
  counts.max = 3;
  expect([1, 2, 3].map(() => counts.tryEnter(address))).toEqual([true, true, false]);
});

test("clients of unix sockets are not counted", () => {
  const counts = new ClientCounts({ max: 1 });
  for (let i = 0; i < 10; i++) expect(counts.tryEnter(UNIX_CLIENT)).toBe(true);
  for (let i = 0; i < 20; i++) counts.leave(UNIX_CLIENT);
  expect(counts.countOf(UNIX_CLIENT)).toBe(0);
});

test("a client that was not admitted cannot leave", () => {
  const counts = new ClientCounts({ max: 1 });
  expect(() => counts.leave(clientAt("10.0.0.1"))).toThrow("the client came in here");
});

/** So many workers' counts over the same memory. */
function crew(workers: number, max: number, capacity?: number): ClientCounts[] {
  const memory = new SharedArrayBuffer(ClientCounts.bytesFor(capacity, workers));
  const shared = { max, workers, memory, ...(capacity === undefined ? {} : { capacity }) };
  return Array.from({ length: workers }, (_, worker) => new ClientCounts({ ...shared, worker }));
}

test("is what a Map of lists says, with several workers that come and go", () => {
  const step = fc.record({
    worker: fc.nat({ max: 2 }),
    client: fc.nat({ max: 40 }),
    what: fc.constantFrom("enter", "enter", "enter", "leave", "leave", "die"),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 400 }),
      (max, steps) => {
        // 49 places: sets are full, and clients stray, but there is room for all.
        const all = crew(3, max, 49);
        let held: { worker: number; client: number }[] = [];
        for (const { worker, client, what } of steps) {
          const counts = all[worker] as ClientCounts;
          const address = ipv4Client(client);
          const mine = held.findIndex((one) => one.worker === worker && one.client === client);
          if (what === "enter") {
            const isRoom = held.filter((one) => one.client === client).length < max;
            expect(counts.tryEnter(address)).toBe(isRoom);
            if (isRoom) held.push({ worker, client });
          } else if (what === "leave" && mine !== -1) {
            counts.leave(address);
            held.splice(mine, 1);
          } else if (what === "die" && client === 0) {
            (all[(worker + 1) % 3] as ClientCounts).takeBack(worker);
            held = held.filter((one) => one.worker !== worker);
          }
          expect(counts.countOf(address)).toBe(held.filter((one) => one.client === client).length);
        }
        for (const one of held) (all[one.worker] as ClientCounts).leave(ipv4Client(one.client));
        // Nothing is left, also no trace of who had strayed.
        const words = new Int32Array((all[0] as ClientCounts).memory).subarray(16);
        for (let line = 0; line < words.length; line += 16) {
          expect([...words.subarray(line + 7, line + 15)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
        }
      },
    ),
    { numRuns: 150 },
  );
});

describe("a table that is full", () => {
  test("refuses new clients, and admits them when others have left", () => {
    const counts = new ClientCounts({ max: 2, capacity: 224 });
    for (let client = 0; client < 224; client++) {
      expect(counts.tryEnter(ipv4Client(client))).toBe(true);
    }
    expect(counts.tryEnter(ipv4Client(224))).toBe(false);
    expect(counts.tryEnter(ipv4Client(3))).toBe(true);
    counts.leave(ipv4Client(7));
    expect(counts.tryEnter(ipv4Client(224))).toBe(true);
    expect(counts.tryEnter(ipv4Client(7))).toBe(false);
    for (let client = 0; client < 225; client++) {
      expect(counts.countOf(ipv4Client(client))).toBe(client === 7 ? 0 : client === 3 ? 2 : 1);
    }
  });

  test("is more than two thirds full before a client finds no room", () => {
    const counts = new ClientCounts({ max: 1 });
    let client = 0;
    while (counts.tryEnter(ipv4Client(Math.imul(client, 0x9e3779b1)))) client++;
    expect(client).toBeGreaterThan(65_536 * (2 / 3));
  });

  test("forgets a million clients that came and went", () => {
    const counts = new ClientCounts({ max: 1 });
    const address = clientAt("0.0.0.0");
    const view = new DataView(address.buffer);
    expect(counts.memory.byteLength).toBeLessThan(600 * 1_024);
    let refused = 0;
    // 30,000 at a time.
    for (let client = 0; client < 1_000_000; client++) {
      view.setInt32(4, client);
      if (!counts.tryEnter(address)) refused++;
      if (client < 30_000) continue;
      view.setInt32(4, client - 30_000);
      counts.leave(address);
    }
    expect(refused).toBe(0);
  }, 30_000);
});

test("a worker's relays are taken back, those of others stay", () => {
  const [one, other] = crew(2, 3) as [ClientCounts, ClientCounts];
  const address = clientAt("10.0.0.1");
  expect([one, one, other, one].map((counts) => counts.tryEnter(address))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  other.takeBack(0);
  expect(other.countOf(address)).toBe(1);
  const successor = new ClientCounts({ max: 3, workers: 2, worker: 0, memory: one.memory });
  expect([1, 2, 3].map(() => successor.tryEnter(address))).toEqual([true, true, false]);
});

test("invalid options are a defect", () => {
  expect(() => new ClientCounts({ max: 0 })).toThrow("max");
  expect(() => new ClientCounts({ max: 1, worker: 1 })).toThrow("one of the workers");
  expect(() => new ClientCounts({ max: 1, capacity: 6 })).toThrow("capacity");
  expect(() => new ClientCounts({ max: 1 }).takeBack(1)).toThrow("one of the workers");
  const { memory } = new ClientCounts({ max: 1, workers: 2 });
  expect(() => new ClientCounts({ max: 1, memory })).toThrow("the same options");
});
