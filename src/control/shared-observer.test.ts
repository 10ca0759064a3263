import { expect, test } from "bun:test";
import type { EngineObserver } from "../engine/engine.ts";
import { SharedObserver } from "./shared-observer.ts";

/** Observers of so many workers, and what comes through them. */
function crew(count: number) {
  const told: string[] = [];
  const tell = (text: string) => () => void told.push(text);
  const whole: EngineObserver = {
    relayEnded: tell("relayEnded"),
    dialFailed: tell("dialFailed"),
    poolGrew: tell("poolGrew"),
    poolEmpty: tell("empty"),
    poolRefilled: tell("refilled"),
    acceptPaused: tell("paused"),
    acceptResumed: tell("resumed"),
  };
  const all: SharedObserver[] = [];
  for (let i = 0; i < count; i++) all.push(new SharedObserver(whole, () => all));
  return { told, all: all as [SharedObserver, SharedObserver] };
}

test("what is bad for several begins with the first and ends with the last", () => {
  const { told, all } = crew(2);
  const [one, other] = all;
  one.poolEmpty();
  other.poolEmpty();
  one.poolRefilled();
  expect(told).toEqual(["empty"]);
  other.poolRefilled();
  expect(told).toEqual(["empty", "refilled"]);
  other.acceptPaused("memory", 1);
  one.acceptPaused("descriptors", 2);
  one.acceptPaused("descriptors", 2);
  one.acceptResumed();
  other.acceptResumed();
  expect(told.slice(2)).toEqual(["paused", "resumed"]);
});

test("a worker that is no more takes with it what was bad for it", () => {
  const { told, all } = crew(2);
  const [one, other] = all;
  one.poolEmpty();
  one.acceptPaused("memory", 1);
  one.relieve();
  other.relieve();
  expect(told).toEqual(["empty", "paused", "refilled", "resumed"]);
});

test("all else is passed on", () => {
  const { told, all } = crew(2);
  all[0].dialFailed("a:1", "connect_refused", "", 0);
  all[1].poolGrew(1);
  expect(told).toEqual(["dialFailed", "poolGrew"]);
});
