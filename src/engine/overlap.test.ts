import { expect, test } from "bun:test";
import { parseAddress } from "../config/address.ts";
import { mayOverlap, surelyOverlap } from "./overlap.ts";

/** Addresses, whether they may overlap, and whether they surely do. */
test.each([
  ["127.0.0.1:1", "127.0.0.1:1", true, true],
  ["127.0.0.1:1", "127.0.0.1:2", false, false],
  ["127.0.0.1:1", "127.0.0.2:1", false, false],
  ["127.0.0.1:1", "0.0.0.0:1", true, true],
  ["127.0.0.1:1", "[::]:1", true, true],
  ["127.0.0.1:1", "localhost:1", true, false],
  ["127.0.0.1:1", "localhost:2", false, false],
  ["127.0.0.1:1", "[::1]:1", false, false],
  ["[::]:1", "0.0.0.0:1", true, true],
  ["[::]:1", "[::1]:1", true, true],
  ["[::1]:1", "0.0.0.0:1", true, false],
  ["[::]:1", "localhost:1", true, true],
  ["[::]:0", "0.0.0.0:0", true, false],
  ["unix:/a", "unix:/a", false, false],
  ["unix:/a", "0.0.0.0:1", false, false],
])("%s and %s: %p, %p", (one, other, may, surely) => {
  const [a, b] = [parseAddress(one, "listener"), parseAddress(other, "listener")];
  expect([mayOverlap(a, b), mayOverlap(b, a)]).toEqual([may, may]);
  expect([surelyOverlap(a, b), surelyOverlap(b, a)]).toEqual([surely, surely]);
});
