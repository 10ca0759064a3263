import { expect, test } from "bun:test";
import type { EngineObserver } from "../engine/engine.ts";
import { relaySummary } from "./test-figures.ts";
import { together } from "./together.ts";

test("each is told what it wants to know, in their order", () => {
  const told: string[] = [];
  const all: Required<EngineObserver> = {
    relayStarted: ({ id }) => told.push(`started ${id}`),
    relayEnded: ({ id }) => told.push(`ended ${id}`),
    dialFailed: (...what) => told.push(`failed ${what}`),
    poolGrew: (bytes) => told.push(`grew ${bytes}`),
    poolEmpty: () => told.push("empty"),
    poolRefilled: () => told.push("refilled"),
    acceptPaused: (...what) => told.push(`paused ${what}`),
    acceptResumed: () => told.push("resumed"),
    routeFailed: (...what) => told.push(`unrouted ${what}`),
    mirrorDropped: ({ relay, reason }) => told.push(`unmirrored ${relay},${reason}`),
    untold: (error) => told.push(`untold ${error}`),
  };
  const one = together([{}, { relayEnded: () => told.push("first") }, all]);
  one.relayStarted?.(relaySummary({ id: 3 }));
  one.relayEnded(relaySummary({ id: 3 }));
  one.dialFailed("db:1", "connect_refused", "ECONNREFUSED", 0);
  one.poolGrew(7);
  one.poolEmpty();
  one.poolRefilled();
  one.acceptPaused("memory", 5);
  one.acceptResumed();
  one.routeFailed?.("redis", "late");
  one.mirrorDropped?.({ listener: "redis", mirror: "m:1", relay: 3, reason: "slow", detail: "" });
  one.untold?.("why");
  expect(told).toEqual([
    "started 3",
    "first",
    "ended 3",
    "failed db:1,connect_refused,ECONNREFUSED,0",
    "grew 7",
    "empty",
    "refilled",
    "paused memory,5",
    "resumed",
    "unrouted redis,late",
    "unmirrored 3,slow",
    "untold why",
  ]);
});

test("nobody asks for starts when none of them does", () => {
  expect("relayStarted" in together([{ poolEmpty() {} }])).toBe(false);
});

test("names are told to whoever wants to know", () => {
  const told: unknown[] = [];
  const one = together([
    {},
    { nameChanged: (event) => told.push(event), nameFailing: (...what) => told.push(what) },
  ]);
  const event = { name: "a.test", addresses: ["10.0.0.1"], isNews: true };
  one.nameChanged?.(event);
  one.nameFailing?.("a.test", "unknown host");
  expect(told).toEqual([event, ["a.test", "unknown host"]]);
});

test("one that throws keeps nobody from hearing, and nothing of it gets to who tells", () => {
  const told: string[] = [];
  const broken = () => {
    throw new Error("a full disk");
  };
  const one = together([
    { relayEnded: broken, untold: broken },
    { relayEnded: () => told.push("ended"), untold: (error) => told.push(error) },
  ]);
  one.relayEnded(relaySummary({ id: 3 }));
  expect(told).toHaveLength(2);
  expect(told[0]).toContain("a full disk");
  expect(told[1]).toBe("ended");
});
