import { expect, test } from "bun:test";
import { Yielding } from "./yielding.ts";

/** A processor on which a yield takes as long and brings what a test says. */
class Processor {
  hasNews = false;
  takesMs = 0.1;
  yields = 0;
  private now = 0;

  yield(): void {
    this.yields++;
    this.now += this.takesMs;
  }

  /** In how many of so many turns `yielding` has yielded. */
  turns(count: number, yielding: Yielding): number {
    const { yields } = this;
    const real = performance.now;
    performance.now = () => this.now;
    try {
      for (let turn = 0; turn < count; turn++) if (yielding.isDue()) yielding.yield();
    } finally {
      performance.now = real;
    }
    return this.yields - yields;
  }
}

test("as long as it brings something there is a yield in each turn", () => {
  const processor = new Processor();
  processor.hasNews = true;
  expect(processor.turns(100, new Yielding(processor))).toBe(100);
});

test("the more are in vain, the fewer there are; one that brings something makes up for all", () => {
  const processor = new Processor();
  const yielding = new Yielding(processor);
  // In turns 0, 2, 6, 14, 30 and 46.
  expect(processor.turns(62, yielding)).toBe(6);
  expect(processor.turns(1_600, yielding)).toBe(100);
  processor.hasNews = true;
  expect(processor.turns(16, yielding)).toBeGreaterThan(0);
  expect(processor.turns(100, yielding)).toBe(100);
});

test("the more take long, whatever they bring, the fewer there are, far fewer", () => {
  const processor = new Processor();
  processor.hasNews = true;
  processor.takesMs = 3;
  const yielding = new Yielding(processor);
  // In turns 0, 2, 6, 14, 30 and 62.
  expect(processor.turns(63, yielding)).toBe(6);
  expect(processor.turns(100_000, yielding)).toBeLessThan(105);
});

test("one in vain does not bring back those that took long", () => {
  const processor = new Processor();
  processor.takesMs = 3;
  const yielding = new Yielding(processor);
  processor.turns(2_047, yielding);
  processor.takesMs = 0.1;
  expect(processor.turns(10_240, yielding)).toBe(10);
  processor.hasNews = true;
  expect(processor.turns(1_024, yielding)).toBeGreaterThan(0);
  expect(processor.turns(100, yielding)).toBe(100);
});
