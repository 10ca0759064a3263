import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FUZZ_TIMEOUT_MS, fuzz } from "../../test/model/fuzz.ts";
import { Backlog, Kept } from "./backlog.ts";
import { Pool } from "./pool.ts";

const bytes = (words: string) => new TextEncoder().encode(words);

/** Takes up to `most` of the bytes that came first. */
function take(backlog: Backlog, most: number): string {
  const { pool, first } = backlog;
  const size = Math.min(most, backlog.firstSize);
  const start = pool.start[first] as number;
  const taken = new TextDecoder().decode(pool.view(first).slice(start, start + size));
  backlog.consume(size);
  return taken;
}

test("small pieces fill a segment", () => {
  const pool = new Pool(4, 8);
  const backlog = new Backlog(pool, 16);
  for (const piece of ["a", "bc", "def", "g"]) expect(backlog.add(bytes(piece))).toBe(Kept.All);
  expect([backlog.size, pool.leased]).toEqual([7, 2]);
  expect([take(backlog, 9), take(backlog, 2), take(backlog, 9)]).toEqual(["abcd", "ef", "g"]);
  expect([backlog.size, pool.leased]).toEqual([0, 0]);
});

test("a segment that was sent in part is filled on", () => {
  const backlog = new Backlog(new Pool(4, 8), 16);
  backlog.add(bytes("ab"));
  expect(take(backlog, 1)).toBe("a");
  backlog.add(bytes("cdef"));
  expect([take(backlog, 9), take(backlog, 9)]).toEqual(["bcd", "ef"]);
});

describe("nothing is kept of bytes", () => {
  test("that are too many", () => {
    const backlog = new Backlog(new Pool(4, 8), 16);
    backlog.limit = 5;
    expect(backlog.add(bytes("abcd"))).toBe(Kept.All);
    expect(backlog.add(bytes("ef"))).toBe(Kept.TooMany);
    expect(backlog.size).toBe(4);
    expect(backlog.add(bytes("e"))).toBe(Kept.All);
  });

  test("for which others have the memory", () => {
    const pool = new Pool(4, 2);
    const [one, other] = [new Backlog(pool, 16), new Backlog(pool, 16)];
    expect(one.add(bytes("abcde"))).toBe(Kept.All);
    expect(other.add(bytes("f"))).toBe(Kept.NoMemory);
    expect([one.size, other.size]).toEqual([5, 0]);
    one.clear();
    expect(other.add(bytes("f"))).toBe(Kept.All);
  });
});

test(
  "what goes in comes out, in its order, and no segment is lost",
  () => {
    const step = fc.record({
      add: fc.string({ maxLength: 20, unit: "grapheme-ascii" }),
      take: fc.nat(9),
    });
    const property = fc.property(
      fc.array(step),
      fc.integer({ min: 1, max: 40 }),
      (steps, limit) => {
        const pool = new Pool(4, 9);
        const backlog = new Backlog(pool, limit);
        let expected = "";
        for (const { add, take: most } of steps) {
          if (backlog.add(bytes(add)) === Kept.All) expected += add;
          if (most > 0 && backlog.size > 0) {
            const taken = take(backlog, most);
            if (!expected.startsWith(taken)) throw new Error(`${taken} before ${expected}`);
            expected = expected.slice(taken.length);
          }
          if (backlog.size !== expected.length || backlog.size > limit) throw new Error("size");
        }
        backlog.clear();
        return pool.leased === 0;
      },
    );
    fc.assert(property, fuzz(300));
  },
  FUZZ_TIMEOUT_MS,
);
