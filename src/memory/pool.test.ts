import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FUZZ_TIMEOUT_MS, fuzz } from "../../test/model/fuzz.ts";
import { poolProperty } from "../../test/model/pool-property.ts";
import { AssertionError } from "../assert.ts";
import { Pool } from "./pool.ts";

const MIB = 1024 * 1024;

test("a pool starts empty and adds whole slabs when it has to, up to its count", () => {
  const grown: number[] = [];
  const pool = new Pool(256 * 1024, 6, (bytes) => grown.push(bytes));
  expect([pool.bytes, pool.available]).toEqual([0, 6]);
  const leased = Array.from({ length: 6 }, () => pool.lease());
  expect(leased).toEqual([0, 1, 2, 3, 4, 5]);
  // A slab of 1 MiB, then what is left of the count.
  expect(grown).toEqual([MIB, MIB + MIB / 2]);
  expect([pool.bytes, pool.available, pool.leasedMax]).toEqual([MIB + MIB / 2, 0, 6]);
});

test("segments larger than a slab come one by one", () => {
  const grown: number[] = [];
  const pool = new Pool(MIB + 1, 2, (bytes) => grown.push(bytes));
  pool.lease();
  expect(grown).toEqual([MIB + 1]);
  expect(pool.view(0).length).toBe(MIB + 1);
});

test("what is released is leased again before the pool grows, the last one first", () => {
  const pool = new Pool(MIB, 3);
  const [a, b] = [pool.lease(), pool.lease()];
  pool.release(a);
  pool.release(b);
  expect([pool.lease(), pool.lease()]).toEqual([b, a]);
  expect([pool.bytes, pool.leased, pool.leasedMax]).toEqual([2 * MIB, 2, 2]);
});

test("a leased segment is empty, whatever it held before", () => {
  const pool = new Pool(8, 1);
  const index = pool.lease();
  pool.start[index] = 3;
  pool.end[index] = 8;
  pool.release(index);
  expect(pool.lease()).toBe(index);
  expect([pool.start[index], pool.end[index]]).toEqual([0, 0]);
});

test("segmentsFor rounds up", () => {
  const pool = new Pool(4, 1);
  expect([0, 1, 4, 5, 8, 9].map((size) => pool.segmentsFor(size))).toEqual([0, 1, 1, 2, 2, 3]);
});

describe("an assertion stops", () => {
  test("a lease beyond the count", () => {
    const pool = new Pool(8, 1);
    pool.lease();
    expect(() => pool.lease()).toThrow(AssertionError);
  });

  test.each([0, 1, -1, 7])("a release of segment %d, which is not leased", (index) => {
    const pool = new Pool(8, 2);
    pool.release(pool.lease());
    expect(() => pool.release(index)).toThrow(AssertionError);
    expect(pool.available).toBe(2);
  });

  test("a pool of nothing", () => {
    expect(() => new Pool(0, 1)).toThrow(AssertionError);
    expect(() => new Pool(1, 0)).toThrow(AssertionError);
  });
});

test(
  "leased and released in any order, no two holders share a byte",
  () => {
    fc.assert(poolProperty(Pool), fuzz(500));
  },
  FUZZ_TIMEOUT_MS,
);
