import { expect, test } from "bun:test";
import { type EventName, endOf, entryOf, events } from "./events.ts";

const names = Object.keys(events) as EventName[];

test("what is said to end a state ends one that another event begins", () => {
  const endings = names.filter((event) => entryOf({ event }).ends !== undefined);
  expect(endings).toEqual(["poolRefilled", "acceptResumed"]);
  for (const event of endings) {
    const begun = entryOf({ event }).ends as string;
    expect(names).toContain(begun as EventName);
    expect(endOf(begun)).toBe(event);
  }
  expect(endOf("poolGrew")).toBeUndefined();
});

test("no event is both frequent and a state", () => {
  const both = names.filter((event) => {
    const { often, ends } = entryOf({ event });
    return often !== undefined && (ends !== undefined || endOf(event) !== undefined);
  });
  expect(both).toEqual([]);
});
