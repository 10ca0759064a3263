import { expect, test } from "bun:test";
import { relaySummary } from "../observe/test-figures.ts";
import type { ProxyEvent } from "./events.ts";
import { hearing, together } from "./observer.ts";

test("each receives every event, in order, and calls its handler", () => {
  const told: unknown[] = [];
  const one = together([
    hearing({}),
    hearing({ relayEnded: () => told.push("first") }),
    { wantsStarts: false, on: (event) => void told.push(event) },
  ]);
  const ended: ProxyEvent = { event: "relayEnded", relay: relaySummary({ id: 3 }) };
  const grew: ProxyEvent = { event: "poolGrew", bytes: 7 };
  one.on(ended);
  one.on(grew);
  expect(told).toEqual(["first", ended, grew]);
});

test("starts are wanted when one of them has a handler for them", () => {
  const [plain, curious] = [hearing({ poolEmpty() {} }), hearing({ relayStarted() {} })];
  expect(together([plain]).wantsStarts).toBe(false);
  expect(together([plain, curious]).wantsStarts).toBe(true);
});

test("a handler is called on who has it", () => {
  class Counting {
    count = 0;
    poolEmpty(): void {
      this.count++;
    }
  }
  const counting = new Counting();
  hearing(counting).on({ event: "poolEmpty" });
  expect(counting.count).toBe(1);
});

test("one that throws keeps no other from hearing, and the reporter does not notice", () => {
  const told: string[] = [];
  const broken = () => {
    throw new Error("a full disk");
  };
  const one = together([
    { wantsStarts: false, on: broken },
    hearing({
      relayEnded: () => told.push("ended"),
      untold: ({ error }) => told.push(error),
    }),
  ]);
  one.on({ event: "relayEnded", relay: relaySummary({ id: 3 }) });
  expect(told).toHaveLength(2);
  expect(told[0]).toContain("a full disk");
  expect(told[1]).toBe("ended");
});
