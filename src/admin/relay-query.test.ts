import { describe, expect, test } from "bun:test";
import { ConfigError } from "../base/error.ts";
import { relaySummary } from "../observe/test-figures.ts";
import { RelayList } from "./relay-list.ts";
import { readRelayQuery, selectRelays } from "./relay-query.ts";

const read = (text: string) => readRelayQuery(new URLSearchParams(text));

function problemsOf(text: string): readonly string[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("what may be asked for", () => {
  test("nothing means the first hundred", () => {
    expect(read("")).toEqual({ limit: 100, sort: "id", isDescending: false, filter: "" });
  });

  test("all of it", () => {
    expect(read("limit=1000&sort=client&order=desc&filter=Ab%3A")).toEqual({
      limit: 1_000,
      sort: "client",
      isDescending: true,
      filter: "ab:",
    });
  });

  test("the longest and the largest come first unless told otherwise", () => {
    expect(read("sort=duration").isDescending).toBe(true);
    expect(read("sort=bytes").isDescending).toBe(true);
    expect(read("sort=bytes&order=asc").isDescending).toBe(false);
  });

  test.each([
    "limit=0",
    "limit=1001",
    "limit=-1",
    "limit=1e2",
    "limit=",
    "sort=up",
    "sort=constructor",
    "order=up",
    `filter=${"a".repeat(201)}`,
    "limits=1",
    "limit=1&limit=2",
    "__proto__=1",
  ])("not %s", (text) => {
    expect(problemsOf(text)).toHaveLength(1);
  });

  test("all that is wrong is told", () => {
    expect(problemsOf("limit=x&sort=y&z=1")).toHaveLength(3);
  });
});

describe("which relays that gives", () => {
  const relays = [
    relaySummary({ id: 1, client: "10.0.0.9:1", upstream: "db:5432", durationMs: 5 }),
    relaySummary({ id: 2, client: "10.0.0.1:2", upstream: null, durationMs: 50 }),
    relaySummary({ id: 3, client: "10.0.0.5:3", upstream: "Cache:6379", durationMs: 50 }),
  ];
  const ids = (text: string) => selectRelays(relays, read(text)).relays.map(({ id }) => id);

  test("sorted", () => {
    expect(ids("")).toEqual([1, 2, 3]);
    expect(ids("order=desc")).toEqual([3, 2, 1]);
    expect(ids("sort=duration")).toEqual([2, 3, 1]);
    expect(ids("sort=client")).toEqual([2, 3, 1]);
  });

  test("filtered by a part of the client or the upstream", () => {
    expect(ids("filter=cache")).toEqual([3]);
    expect(ids("filter=10.0.0.")).toEqual([1, 2, 3]);
    expect(ids("filter=.*")).toEqual([]);
  });

  test("at most so many, and how many there would be", () => {
    expect(selectRelays(relays, read("limit=2"))).toMatchObject({ matching: 3 });
    expect(ids("limit=2")).toEqual([1, 2]);
  });
});

test("a list is made anew only when it is old", async () => {
  let made = 0;
  const list = new RelayList({ relays: async () => [relaySummary({ id: ++made })] });
  expect(await list.recent()).toMatchObject([{ id: 1 }]);
  expect(await list.recent()).toMatchObject([{ id: 1 }]);
  expect(await list.now()).toMatchObject([{ id: 2 }]);
  expect(await list.recent()).toMatchObject([{ id: 2 }]);
});
