import { expect, test } from "bun:test";
import { sourceAddresses, sourceFor } from "./source-address.ts";

test.each([
  ["none", []],
  ["10.0.0.5", ["10.0.0.5"]],
  ["10.0.0.5, fd00::5", ["10.0.0.5", "fd00::5"]],
  [["fd00::5"], ["fd00::5"]],
])("%p is understood", (value, expected) => {
  expect(sourceAddresses(value)).toEqual(expected as string[]);
});

test.each([
  ["db1"],
  ["10.0.0.5:80"],
  ["10.0.0.5,10.0.0.6"],
  ["fd00::5,fd00::6"],
  ["0.0.0.0"],
  ["::"],
  ["0:0:0:0:0:0:0:0"],
  [""],
  [[]],
  [[5]],
  [5],
  [null],
])("%p is refused", (value) => {
  expect(() => sourceAddresses(value)).toThrow(
    "expected an address of this machine such as 10.0.0.5",
  );
});

test("an upstream is dialled from the address of its own family", () => {
  const sources = ["10.0.0.5", "fd00::5"];
  expect(sourceFor(sources, "10.1.1.1")).toBe("10.0.0.5");
  expect(sourceFor(sources, "fd00::9")).toBe("fd00::5");
  expect(sourceFor(sources, "fe80::9%eth0")).toBe("fd00::5");
  expect(sourceFor(["10.0.0.5"], "fd00::9")).toBeUndefined();
  expect(sourceFor([], "10.1.1.1")).toBeUndefined();
  // An IPv6 socket, though IPv4 is spoken.
  expect(sourceFor(sources, "::ffff:10.1.1.1")).toBe("::ffff:10.0.0.5");
});
