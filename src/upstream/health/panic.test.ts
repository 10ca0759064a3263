import { expect, test } from "bun:test";
import fc from "fast-check";
import { isPanic, PanicWatch } from "./panic.ts";

const open = { weight: 1, isOpen: true };
const closed = { weight: 1, isOpen: false };

test("less than half of the weight open is panic, half of it is not", () => {
  expect(isPanic([open, closed], 50)).toBe(false);
  expect(isPanic([open, closed, closed], 50)).toBe(true);
  expect(isPanic([{ weight: 8, isOpen: true }, closed, closed], 50)).toBe(false);
  expect(isPanic([closed], 50)).toBe(true);
});

test("never at 0, without upstreams, or without any weight", () => {
  expect(isPanic([closed, closed], 0)).toBe(false);
  expect(isPanic([], 50)).toBe(false);
  expect(isPanic([{ weight: 0, isOpen: false }], 100)).toBe(false);
});

test("always at 100, if one is closed", () => {
  expect(isPanic([open, open, closed], 100)).toBe(true);
  expect(isPanic([open, open], 100)).toBe(false);
});

test("one more that opens never begins a panic", () => {
  const upstream = fc.record({ weight: fc.nat(100), isOpen: fc.boolean() });
  fc.assert(
    fc.property(fc.array(upstream), fc.nat(100), fc.nat(), (upstreams, threshold, pick) => {
      const opened = upstreams.map((one, index) =>
        index === pick % upstreams.length ? { ...one, isOpen: true } : one,
      );
      if (isPanic(opened, threshold)) expect(isPanic(upstreams, threshold)).toBe(true);
    }),
  );
});

test("it is told once at its beginning and once at its end", () => {
  const watch = new PanicWatch(50);
  const told = [[open], [closed], [closed], [closed, open], [open]].map((all) => watch.update(all));
  expect(told).toEqual([null, "entered", null, "left", null]);
  expect(watch.isOn).toBe(false);
});
