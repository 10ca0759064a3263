import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { Recurring } from "./recurring.ts";

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** Work that has so much to do. */
class Work {
  done = 0;
  readonly recurring = new Recurring(10, () => {
    this.done++;
    this.left--;
    return this.left > 0;
  });

  constructor(public left: number) {}
}

test("goes on while there is something to do, and begins again", () => {
  const made = new Work(3);
  jest.advanceTimersByTime(100);
  expect(made.done).toBe(0);
  made.recurring.begin();
  made.recurring.begin();
  jest.advanceTimersByTime(20);
  expect(made.done).toBe(2);
  jest.advanceTimersByTime(100);
  expect(made.done).toBe(3);
  made.left = 1;
  made.recurring.begin();
  jest.advanceTimersByTime(100);
  expect(made.done).toBe(4);
});

test("is over when it is stopped", () => {
  const made = new Work(100);
  made.recurring.begin();
  jest.advanceTimersByTime(10);
  made.recurring.stop();
  made.recurring.begin();
  jest.advanceTimersByTime(100);
  expect(made.done).toBe(1);
});
