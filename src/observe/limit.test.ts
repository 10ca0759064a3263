import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { Condition, Limit } from "./limit.ts";

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe("Limit", () => {
  test("lets one through per window and tells of the others", () => {
    const told: number[] = [];
    const limit = new Limit((heldBack) => told.push(heldBack), 1_000);
    expect([limit.take(), limit.take(), limit.take()]).toEqual([true, false, false]);
    jest.advanceTimersByTime(999);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(told).toEqual([2]);
    // What was told opened a new window.
    expect(limit.take()).toBe(false);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual([2, 1]);
    // A silent window ends it.
    jest.advanceTimersByTime(1_000);
    expect(limit.take()).toBe(true);
    expect(told).toEqual([2, 1]);
  });

  test("flush tells at once, and once", () => {
    const told: number[] = [];
    const limit = new Limit((heldBack) => told.push(heldBack), 1_000);
    limit.flush();
    limit.take();
    limit.take();
    limit.flush();
    limit.flush();
    jest.advanceTimersByTime(5_000);
    expect(told).toEqual([1]);
  });

  test("a million messages are a line per window", () => {
    const told: number[] = [];
    const limit = new Limit((heldBack) => told.push(heldBack), 1_000);
    let through = 0;
    for (let i = 0; i < 1_000_000; i++) if (limit.take()) through++;
    jest.advanceTimersByTime(1_000);
    expect([through, ...told]).toEqual([1, 999_999]);
  });
});

describe("Condition", () => {
  function record(): { told: string[]; condition: Condition } {
    const told: string[] = [];
    const tell = (on: boolean, heldBack: number) => told.push(`${on ? "on" : "off"} ${heldBack}`);
    return { told, condition: new Condition(tell, 1_000) };
  }

  test("the first change is told at once, its end when the window closes", () => {
    const { told, condition } = record();
    condition.set(true);
    condition.set(false);
    expect(told).toEqual(["on 0"]);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual(["on 0", "off 0"]);
    jest.advanceTimersByTime(5_000);
    expect(told).toEqual(["on 0", "off 0"]);
  });

  test("a flapping one is a line per window, and the last line is the truth", () => {
    const { told, condition } = record();
    for (let i = 0; i < 100; i++) {
      condition.set(true);
      condition.set(false);
    }
    jest.advanceTimersByTime(1_000);
    condition.set(true);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual(["on 0", "off 99", "on 1"]);
  });

  test("one that stays is told once", () => {
    const { told, condition } = record();
    condition.set(true);
    jest.advanceTimersByTime(10_000);
    condition.set(false);
    expect(told).toEqual(["on 0", "off 0"]);
  });

  test("flush tells what the log does not say yet", () => {
    const { told, condition } = record();
    condition.set(true);
    condition.flush();
    condition.set(true);
    condition.set(false);
    condition.flush();
    jest.advanceTimersByTime(5_000);
    expect(told).toEqual(["on 0", "on 0", "off 0"]);
  });
});
