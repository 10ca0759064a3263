import { expect, test } from "bun:test";
import { DialWindow, dialWindowMemory } from "./dial-window.ts";

/** Runs steps such as `a(` (a begins) and `b)` (b ends). @returns the result of each end */
function run(steps: string): boolean[] {
  const memory = dialWindowMemory();
  const windows = {
    a: new DialWindow(memory),
    b: new DialWindow(memory),
    c: new DialWindow(memory),
  };
  const said: boolean[] = [];
  for (const [, name, step] of steps.matchAll(/([abc])([()])/g)) {
    const window = windows[name as keyof typeof windows];
    if (step === "(") window.begin();
    else said.push(window.end());
  }
  return said;
}

test("is alone without others, and after them", () => {
  expect(run("a(a)a(a)")).toEqual([true, true]);
  expect(run("a(a)b(b)a(a)")).toEqual([true, true, true]);
});

test.each([["a(b(a)b)"], ["a(b(b)a)"], ["b(a(a)b)"]])("is not alone in %s", (steps) => {
  expect(run(steps)).toEqual([false, false]);
  expect(run(`${steps}a(a)b(b)`).slice(2)).toEqual([true, true]);
});

test("is not alone when others came and went, or one was there before", () => {
  expect(run("a(b(b)c(c)a)")).toEqual([false, false, false]);
  expect(run("a(b(a)c(b)c)a(a)")).toEqual([false, false, false, true]);
});

test("counts beyond 32 bits", () => {
  const memory = dialWindowMemory();
  new Int32Array(memory)[1] = 2 ** 31 - 1;
  const window = new DialWindow(memory);
  for (let i = 0; i < 3; i++) {
    window.begin();
    expect(window.end()).toBe(true);
  }
});
