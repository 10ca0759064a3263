import { describe, expect, test } from "bun:test";
import { edgeDefaults } from "./defaults.ts";
import { edgeOf } from "./edge.ts";
import { Problems } from "./sourced.ts";
import { listenerTable } from "./table/table.ts";

describe("a rate in bytes per second", () => {
  test.each([
    ["1MiB", 1024 ** 2],
    ["1k", 1024],
    [4096, 4096],
    ["1GiB", 1024 ** 3],
    ["off", 0],
    [false, 0],
  ])("%p is %i", (value, bytes) => {
    expect(listenerTable.upRate.is.rule(value)).toBe(bytes);
    expect(listenerTable.downRate.is.rule(value)).toBe(bytes);
  });

  test.each([
    [1023, "1023: expected bytes per second, 1KiB…1GiB, or off"],
    [0, "0: expected bytes per second, 1KiB…1GiB, or off"],
    ["2GiB", "expected bytes per second, 1KiB…1GiB, or off"],
    ["fast", "expected bytes per second, 1KiB…1GiB, or off"],
    ["unlimited", "is called off here"],
    ["1MiB/s", "expected a size such as 64KiB"],
    [true, "expected a number or text"],
  ])("%p is none", (value, sentence) => {
    expect(() => listenerTable.upRate.is.rule(value)).toThrow(sentence);
  });

  test("is off unless something else is given", () => {
    const problems = new Problems();
    expect(edgeOf({}, problems)).toEqual(edgeDefaults);
    const upRate = { value: 1024, given: "1k", label: "--up-rate" };
    expect(edgeOf({ upRate }, problems)).toEqual({ ...edgeDefaults, upRate: 1024 });
    expect(problems.sentences).toEqual([]);
  });
});
