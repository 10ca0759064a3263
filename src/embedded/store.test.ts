import { expect, test } from "bun:test";
import fc from "fast-check";
import { Store } from "./store.ts";

let nowMs = 1_700_000_000_000;
const now = () => nowMs;
const one = Buffer.from("1");

test("room taken by expired keys is used again", () => {
  const store = new Store({ memoryBytesMax: 1000, now });
  expect(store.set("a", one, nowMs + 5)).toBe(true);
  expect(store.set("b", one, nowMs + 5)).toBe(true);
  expect(store.set("c", one, nowMs + 500)).toBe(true);
  expect(store.set("d", one)).toBe(false);
  nowMs += 5;
  expect(store.set("d", one)).toBe(true);
  expect([store.size, store.expiringCount]).toEqual([2, 1]);
});

test("setAll changes nothing when not all of it fits", () => {
  const store = new Store({ memoryBytesMax: 1000, now });
  const entries = new Map([
    ["a", one],
    ["b", Buffer.alloc(900)],
  ]);
  expect(store.setAll(entries)).toBe(false);
  expect([store.size, store.memoryBytes]).toEqual([0, 0]);
});

test("whatever is done, the account is that of a rebuilt store, and within the limit", () => {
  const memoryBytesMax = 1100;
  const key = fc.constantFrom("a", "b", "c");
  const step = fc.oneof(
    fc.tuple(fc.constantFrom("SET", "EXPIRING"), key, fc.nat(400)),
    fc.tuple(fc.constant("DEL"), key, fc.constant(0)),
    fc.tuple(fc.constant("WAIT"), key, fc.nat(20)),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const store = new Store({ memoryBytesMax, now });
      for (const [what, name, amount] of steps) {
        if (what === "SET") store.set(name, Buffer.alloc(amount));
        if (what === "EXPIRING") store.set(name, Buffer.alloc(amount), nowMs + 10);
        if (what === "DEL") store.delete(name);
        if (what === "WAIT") nowMs += amount;
        expect(store.memoryBytes).toBeLessThanOrEqual(memoryBytesMax);
      }
      const rebuilt = new Store();
      for (const name of ["a", "b", "c"]) {
        const value = store.get(name);
        if (value !== undefined) rebuilt.set(name, value);
      }
      expect([store.memoryBytes, store.size]).toEqual([rebuilt.memoryBytes, rebuilt.size]);
    }),
  );
});

test("a small value does not pin the chunk it came in, a large one is not copied", () => {
  const store = new Store();
  const chunk = Buffer.allocUnsafeSlow(100_000);
  store.set("small", chunk.subarray(5, 15));
  store.set("half", chunk.subarray(0, 50_000));
  store.set("large", chunk.subarray(100));
  expect(store.get("small")?.buffer.byteLength).toBe(10);
  expect(store.get("half")?.buffer.byteLength).toBe(50_000);
  expect(store.get("large")?.buffer).toBe(chunk.buffer);
});
