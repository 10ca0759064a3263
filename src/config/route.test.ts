import { describe, expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import type { Route } from "../entry/route/connection.ts";
import { readDocument } from "./document.ts";
import type { WantedListener } from "./options.ts";
import { Problems } from "./sourced.ts";
import { validate } from "./validate.ts";

const one: Route = () => null;
const other: Route = () => ({ refuse: true });

function listeners(content: object): readonly WantedListener[] {
  const problems = new Problems();
  const source = readDocument({ upstream: "a:1", ...content }, "f", null, problems);
  return validate({}, source, problems.sentences).listeners;
}

function complaints(content: object): readonly string[] {
  try {
    listeners(content);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test("nobody decides unless a function is given", () => {
  expect(listeners({})).toMatchObject([{ route: null }]);
  expect(listeners({ route: "off" })).toMatchObject([{ route: null }]);
});

test("a function and what it has", () => {
  expect(listeners({ route: one })[0]?.route).toEqual({
    hook: one,
    timeoutMs: 100,
    failure: "relay",
  });
  const all = { route: one, routeTimeout: "2s", routeFailure: "refuse" };
  expect(listeners(all)[0]?.route).toEqual({ hook: one, timeoutMs: 2_000, failure: "refuse" });
});

test("each listener may have its own, or none", () => {
  const settings = listeners({
    route: one,
    routeTimeout: "1s",
    listeners: [
      { listen: ":1" },
      { listen: ":2", route: other, routeTimeout: "2s" },
      { listen: ":3", route: false },
    ],
  });
  expect(settings.map(({ route }) => route && [route.hook, route.timeoutMs])).toEqual([
    [one, 1_000],
    [other, 2_000],
    null,
  ]);
});

describe("what is wrong", () => {
  const needs = "needs route, a function, which a configuration in TypeScript can have";
  test.each([
    [
      { route: "choose" },
      'f: route "choose": expected a function, which a configuration in TypeScript can have, or off',
    ],
    [{ listeners: [{ listen: ":1", route: {} }] }, "f: listeners[0].route a table: expected a fun"],
    [{ route: one, routeTimeout: "11s" }, 'f: routeTimeout "11s": expected a duration of 1ms…10s'],
    [{ route: one, routeTimeout: 0 }, "f: routeTimeout 0: expected a duration of 1ms…10s"],
    [{ route: one, routeFailure: "x" }, 'f: routeFailure "x": expected relay or refuse'],
    [{ routeTimeout: "1s" }, `f: routeTimeout ${needs}`],
    [
      { listeners: [{ listen: ":1", routeFailure: "refuse" }] },
      `f: listeners[0].routeFailure ${needs}`,
    ],
  ])("%j", (content, sentence) => {
    expect(complaints(content)).toEqual([expect.stringContaining(sentence)]);
  });

  test("a setting for all is told once", () => {
    const shared = { routeTimeout: "1s", listeners: [{ listen: ":1" }, { listen: ":2" }] };
    expect(complaints(shared)).toEqual([`f: routeTimeout ${needs}`]);
  });
});
