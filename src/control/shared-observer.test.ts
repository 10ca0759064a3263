import { expect, test } from "bun:test";
import type { Observer } from "../relay/observer.ts";
import { SharedObserver } from "./shared-observer.ts";

/** Observers of so many workers, and what comes through them. */
function crew(count: number) {
  const told: string[] = [];
  const whole: Observer = { wantsStarts: false, on: ({ event }) => void told.push(event) };
  const all: SharedObserver[] = [];
  for (let i = 0; i < count; i++) all.push(new SharedObserver(whole, () => all));
  return { told, all: all as [SharedObserver, SharedObserver] };
}

test("what is bad for several begins with the first and ends with the last", () => {
  const { told, all } = crew(2);
  const [one, other] = all;
  one.on({ event: "poolEmpty" });
  other.on({ event: "poolEmpty" });
  one.on({ event: "poolRefilled" });
  expect(told).toEqual(["poolEmpty"]);
  other.on({ event: "poolRefilled" });
  expect(told).toEqual(["poolEmpty", "poolRefilled"]);
  other.on({ event: "acceptPaused", cause: "memory", relays: 1 });
  one.on({ event: "acceptPaused", cause: "descriptors", relays: 2 });
  one.on({ event: "acceptPaused", cause: "descriptors", relays: 2 });
  one.on({ event: "acceptResumed" });
  other.on({ event: "acceptResumed" });
  expect(told.slice(2)).toEqual(["acceptPaused", "acceptResumed"]);
});

test("a worker that is no more takes with it what was bad for it", () => {
  const { told, all } = crew(2);
  const [one, other] = all;
  one.on({ event: "poolEmpty" });
  one.on({ event: "acceptPaused", cause: "memory", relays: 1 });
  one.relieve();
  other.relieve();
  expect(told).toEqual(["poolEmpty", "acceptPaused", "poolRefilled", "acceptResumed"]);
});

test("all else is passed on", () => {
  const { told, all } = crew(2);
  const dial = { upstream: "a:1", reason: "connect_refused", detail: "", slot: 0 } as const;
  all[0].on({ event: "dialFailed", ...dial });
  all[1].on({ event: "poolGrew", bytes: 1 });
  expect(told).toEqual(["dialFailed", "poolGrew"]);
});
