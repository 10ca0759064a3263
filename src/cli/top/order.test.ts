import { expect, test } from "bun:test";
import { type Order, queryOf, wishOf } from "./order.ts";

const byBytes: Order = { sort: "bytes", isReversed: false };

test("keys sort, and sorting anew is never reversed", () => {
  expect(wishOf("d", byBytes)).toEqual({ sort: "duration", isReversed: false });
  expect(wishOf("r", byBytes)).toEqual({ sort: "bytes", isReversed: true });
  expect(wishOf("rc", byBytes)).toEqual({ sort: "client", isReversed: false });
  expect(wishOf("IR", byBytes)).toEqual({ sort: "id", isReversed: true });
});

test("q, Ctrl-C and Ctrl-D quit, whatever comes with them", () => {
  for (const key of ["q", "Q", "\u0003", "\u0004", "dq", "q\u001b"]) {
    expect(wishOf(key, byBytes)).toBe("quit");
  }
});

test("other keys, and what arrow and function keys send, ask for nothing", () => {
  const keys = ["", "x", "\r", "\u001b", "\u001b[A", "\u001b[1;5D", "\u001bOd", "\u001b[15~", "é"];
  for (const key of keys) expect(wishOf(key, byBytes)).toBeNull();
  expect(wishOf("\u001b[Dc", byBytes)).toEqual({ sort: "client", isReversed: false });
});

test("the order in the API's words", () => {
  const text = (order: Order) => queryOf(order, 7).toString();
  expect(text(byBytes)).toBe("sort=bytes&order=desc&limit=7");
  expect(text({ sort: "duration", isReversed: true })).toBe("sort=duration&order=asc&limit=7");
  expect(text({ sort: "id", isReversed: false })).toBe("sort=id&order=asc&limit=7");
  expect(text({ sort: "client", isReversed: true })).toBe("sort=client&order=desc&limit=7");
});
