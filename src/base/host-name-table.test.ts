import { expect, test } from "bun:test";
import { HostNameTable, hostPattern, isCoveredBy, plainHostName } from "./host-name-table.ts";

function tableOf(patterns: readonly string[], fallback: string | null = null) {
  return new HostNameTable(
    patterns.map((pattern) => [pattern, pattern] as const),
    fallback,
  );
}

test.each([
  ["a.example.org", "a.example.org"],
  ["A.EXAMPLE.org", "a.example.org"],
  ["a.example.org.", "a.example.org"],
  ["b.example.org", "*.example.org"],
  ["c.b.example.org", "*.b.example.org"],
  ["d.c.b.example.org", "*.b.example.org"],
  ["x.y.example.org", "*.example.org"],
  ["example.org", "default"],
  [".example.org", "default"],
  ["xexample.org", "default"],
  ["example.org.evil.test", "default"],
  ["*.example.org", "*.example.org"],
  ["", "default"],
  [".", "default"],
  ["..", "default"],
])("%j belongs to %j", (name, pattern) => {
  const table = tableOf(["*.example.org", "a.example.org", "*.b.example.org"], "default");
  expect(table.find(name)).toBe(pattern);
});

test("no name and no default belong to nothing", () => {
  expect(tableOf(["a.test"]).find(null)).toBeNull();
  expect(tableOf(["a.test"]).find("b.test")).toBeNull();
  expect(tableOf(["a.test"], "rest").find(null)).toBe("rest");
  expect(tableOf(["a.test"], "rest").findNamed("b.test")).toBeNull();
});

test("a certificate's wildcard covers one label", () => {
  const table = new HostNameTable([["*.example.org", 1]], null, "one");
  expect(table.find("a.example.org")).toBe(1);
  expect(table.find("b.a.example.org")).toBeNull();
});

test("of the same pattern twice the first counts", () => {
  const table = new HostNameTable([
    ["a.test", 1],
    ["a.test", 2],
    ["*.b.test", 3],
    ["*.b.test", 4],
  ]);
  expect([table.find("a.test"), table.find("c.b.test")]).toEqual([1, 3]);
});

test("names that are keys of objects are names like others", () => {
  expect(tableOf(["a.test"]).find("constructor")).toBeNull();
  expect(tableOf(["a.test"]).find("__proto__")).toBeNull();
});

test("a long name is looked up in steps of its labels", () => {
  const name = `${"a.".repeat(126)}b`;
  expect(tableOf(["*.b"]).find(name)).toBe("*.b");
  expect(tableOf(["*.c"]).find(name)).toBeNull();
});

test.each([
  ["Example.ORG", "example.org"],
  ["example.org.", "example.org"],
  ["*.Example.org", "*.example.org"],
  ["bücher.example", "xn--bcher-kva.example"],
  ["*.BÜCHER.example.", "*.xn--bcher-kva.example"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ["localhost", "localhost"],
  ["_sip.my_service.test", "_sip.my_service.test"],
  ["10.0.0.1", "10.0.0.1"],
  [`${"a".repeat(63)}.test`, `${"a".repeat(63)}.test`],
])("%j is the pattern %j", (text, pattern) => {
  expect(hostPattern(text)).toBe(pattern);
});

test.each([
  "",
  ".",
  "*",
  "*.",
  "*.*.test",
  "a.*.test",
  "a*.test",
  "a..test",
  ".a.test",
  "a.test..",
  "-a.test",
  "a-.test",
  "a b.test",
  "a/b",
  "a:443",
  "[::1]",
  "ü\u0000.test",
  `${"a".repeat(64)}.test`,
  `${"a.".repeat(127)}a`,
])("%j is no pattern", (text) => {
  expect(hostPattern(text)).toBeNull();
});

test("a wildcard covers the names and wildcards below it", () => {
  expect(isCoveredBy("a.example.org", "*.example.org")).toBe(true);
  expect(isCoveredBy("*.a.example.org", "*.example.org")).toBe(true);
  expect(isCoveredBy("example.org", "*.example.org")).toBe(false);
  expect(isCoveredBy("*.example.org", "*.example.org")).toBe(false);
  expect(isCoveredBy("a.example.org", "a.example.org")).toBe(false);
});

test("a plain name has small letters and no final dot", () => {
  expect(plainHostName("A.Test.")).toBe("a.test");
});
