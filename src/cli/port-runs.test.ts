import { expect, test } from "bun:test";
import { portRuns, type ShownListener } from "./port-runs.ts";

function shown(...listeners: [listen: string, upstreams?: string, rest?: string][]): string[] {
  const show = ([
    listen,
    upstreams = "",
    rest = "",
  ]: (typeof listeners)[number]): ShownListener => ({
    listen,
    upstreams: upstreams === "" ? [] : upstreams.split(" "),
    rest,
  });
  return portRuns(listeners, show).map(({ listen, upstreams }) => [listen, ...upstreams].join(" "));
}

test("ports that follow each other to one upstream are a line", () => {
  expect(shown(["[::]:5000", "a:1"], ["[::]:5001", "a:1"], ["[::]:5002", "a:1"])).toEqual([
    "[::]:5000-5002 a:1",
  ]);
});

test("so are those whose upstreams follow each other", () => {
  expect(shown(["h:9", "a:1 b:7 c:3"], ["h:10", "a:2 b:7 c:4"], ["h:11", "a:3 b:7 c:5"])).toEqual([
    "h:9-11 a:1-3 b:7 c:3-5",
  ]);
});

test("two are two, and whoever differs begins anew", () => {
  expect(shown(["h:1", "a:1"], ["h:2", "a:1"])).toEqual(["h:1 a:1", "h:2 a:1"]);
  expect(
    shown(
      ...[1, 2, 3].map((port): [string, string] => [`h:${port}`, "a:1"]),
      ...[4, 5, 6].map((port): [string, string] => [`h:${port}`, `b:${port}`]),
      ["h:7", "b:9"],
      ["h:8", "b:9", "other"],
      ["i:9", "b:9"],
    ),
  ).toEqual(["h:1-3 a:1", "h:4-6 b:4-6", "h:7 b:9", "h:8 b:9", "i:9 b:9"]);
  // The first two seem to stay where they are, and the third does not.
  expect(shown(["h:1", "a:1"], ["h:2", "a:1"], ["h:3", "a:3"])).toEqual([
    "h:1 a:1",
    "h:2 a:1",
    "h:3 a:3",
  ]);
});

test("what has no port is left alone", () => {
  const sockets = ["unix:/a:1", "unix:/a:2", "unix:/a:3"].map((one): [string] => [one]);
  expect(shown(...sockets)).toEqual(["unix:/a:1", "unix:/a:2", "unix:/a:3"]);
  expect(shown()).toEqual([]);
});
