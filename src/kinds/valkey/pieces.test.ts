import { expect, test } from "bun:test";
import { Pieces } from "./pieces.ts";

const bytes = Buffer.from("0123456789");

test("bytes in any pieces lie in one piece, and no piece is a view of what was given", () => {
  for (const sizes of [[10], [1, 9], [9, 1], Array<number>(10).fill(1), [0, 3, 0, 7]]) {
    const pieces = new Pieces();
    let at = 0;
    for (const size of sizes) {
      const given = Buffer.from(bytes);
      pieces.add(given, at, at + size);
      given.fill(0);
      at += size;
    }
    expect(pieces.size).toBe(10);
    expect(Buffer.from(pieces.with(bytes, 2, 4)).toString()).toBe("012345678923");
    pieces.clear();
    expect(Buffer.from(pieces.with(bytes, 2, 4)).toString()).toBe("23");
  }
});

test("a byte alone costs no object", () => {
  const pieces = new Pieces();
  const places = new Set<Uint8Array>();
  for (let at = 0; at < 60_000; at++) {
    pieces.add(bytes, 0, 1);
    places.add(pieces.bytes);
  }
  expect(places.size).toBeLessThan(20);
  expect(pieces.bytes.length).toBeLessThan(2 * 60_000);
});
