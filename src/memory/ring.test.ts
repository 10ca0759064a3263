import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FUZZ_TIMEOUT_MS, fuzz } from "../../test/model/fuzz.ts";
import { ringProperty } from "../../test/model/ring-property.ts";
import { AssertionError } from "../assert.ts";
import { Pool } from "./pool.ts";
import { Ring } from "./ring.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (words: string) => new TextEncoder().encode(words);

/** The filled part of the segment to send from next. */
function first(pool: Pool, ring: Ring): string {
  const index = ring.first();
  return text(pool.view(index).subarray(pool.start[index], pool.end[index]));
}

describe("append", () => {
  test("copies into as many segments as it needs, from the offset on", () => {
    const pool = new Pool(4, 8);
    const ring = new Ring(pool, 4);
    expect(ring.append(bytes("--hello world"), 2)).toBe(11);
    expect([ring.size, ring.count, pool.leased]).toEqual([11, 3, 3]);
    expect([first(pool, ring), ring.firstSize]).toEqual(["hell", 4]);
    ring.consume(4);
    expect(first(pool, ring)).toBe("o wo");
    ring.consume(4);
    expect([first(pool, ring), ring.firstSize]).toEqual(["rld", 3]);
    ring.consume(3);
    expect([ring.size, ring.count, pool.leased]).toEqual([0, 0, 0]);
  });

  test("of nothing takes nothing", () => {
    const pool = new Pool(4, 8);
    const ring = new Ring(pool, 4);
    expect(ring.append(bytes("abc"), 3)).toBe(0);
    expect(pool.leased).toBe(0);
  });

  test("takes less when the ring is full", () => {
    const pool = new Pool(4, 8);
    const ring = new Ring(pool, 2);
    expect(ring.append(bytes("hello world"), 0)).toBe(8);
    expect(ring.append(bytes("more"), 0)).toBe(0);
    expect([ring.size, pool.leased]).toEqual([8, 2]);
  });

  test("takes less when the pool is empty", () => {
    const pool = new Pool(4, 2);
    const ring = new Ring(pool, 4);
    const held = pool.lease();
    expect(ring.append(bytes("hello world"), 0)).toBe(4);
    pool.release(held);
    expect(ring.append(bytes("hello world"), 4)).toBe(4);
    expect(ring.size).toBe(8);
  });
});

test("consume leaves the rest of a segment where it is", () => {
  const pool = new Pool(4, 2);
  const ring = new Ring(pool, 2);
  ring.append(bytes("abcd"), 0);
  ring.consume(0);
  ring.consume(3);
  expect([first(pool, ring), ring.firstSize, ring.size, pool.leased]).toEqual(["d", 1, 1, 1]);
});

test("push takes over a filled segment, by index and range", () => {
  const pool = new Pool(4, 2);
  const ring = new Ring(pool, 2);
  const index = pool.lease();
  pool.view(index).set(bytes("xabx"));
  pool.start[index] = 1;
  pool.end[index] = 3;
  ring.push(index);
  expect([ring.size, ring.first(), first(pool, ring)]).toEqual([2, index, "ab"]);
});

test("clear gives everything back, and the ring may be used again", () => {
  const pool = new Pool(4, 3);
  const ring = new Ring(pool, 3);
  ring.append(bytes("hello world"), 0);
  ring.consume(4);
  ring.clear();
  expect([ring.size, ring.count, pool.leased]).toEqual([0, 0, 0]);
  ring.append(bytes("again"), 0);
  expect([first(pool, ring), ring.size]).toEqual(["agai", 5]);
});

describe("an assertion stops", () => {
  test.each([
    ["a ring for nothing", (pool: Pool) => void new Ring(pool, 0)],
    ["a look at an empty ring", (pool: Pool) => void new Ring(pool, 1).first()],
    ["consuming from an empty ring", (pool: Pool) => new Ring(pool, 1).consume(0)],
    [
      "consuming more than the first segment holds",
      (pool: Pool) => {
        const ring = new Ring(pool, 2);
        ring.append(bytes("hello"), 0);
        ring.consume(5);
      },
    ],
    [
      "a segment too many",
      (pool: Pool) => {
        const ring = new Ring(pool, 1);
        ring.push(pool.lease());
        ring.push(pool.lease());
      },
    ],
  ])("%s", (_, misuse) => {
    expect(() => misuse(new Pool(4, 4))).toThrow(AssertionError);
  });
});

test(
  "bytes leave in the order in which they came, each once, and no segment leaks",
  () => {
    fc.assert(ringProperty(Ring, Pool), fuzz(10_000));
  },
  FUZZ_TIMEOUT_MS,
);
