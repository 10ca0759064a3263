import { expect, test } from "bun:test";
import { parseAddress } from "../base/address.ts";
import { mayOverlap } from "./overlap.ts";

/** Addresses, whether they may overlap. */
test.each([
  ["127.0.0.1:1", "127.0.0.1:1", true],
  ["127.0.0.1:1", "127.0.0.1:2", false],
  ["127.0.0.1:1", "127.0.0.2:1", false],
  ["127.0.0.1:1", "0.0.0.0:1", true],
  ["127.0.0.1:1", "[::]:1", true],
  ["127.0.0.1:1", "localhost:1", true],
  ["127.0.0.1:1", "localhost:2", false],
  ["127.0.0.1:1", "[::1]:1", false],
  ["[::]:1", "0.0.0.0:1", true],
  ["[::]:1", "[::1]:1", true],
  ["[::1]:1", "0.0.0.0:1", true],
  ["[::]:1", "localhost:1", true],
  ["[::]:0", "0.0.0.0:0", true],
  ["unix:/a", "unix:/a", false],
  ["unix:/a", "0.0.0.0:1", false],
])("%s and %s: %p", (one, other, may) => {
  const [a, b] = [parseAddress(one, "listener"), parseAddress(other, "listener")];
  expect([mayOverlap(a, b), mayOverlap(b, a)]).toEqual([may, may]);
});
