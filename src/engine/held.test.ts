import { expect, test } from "bun:test";
import { Held, heldMemory } from "./held.ts";

test("says which descriptors are left, from any thread", () => {
  const held = new Held(heldMemory(64));
  for (const descriptor of [3, 5, 7, 9]) held.took(descriptor);
  held.closed(5);
  held.closing(7, 100);
  held.tookListening(11);
  expect([held.listens(9), held.listens(11)]).toEqual([false, true]);
  const other = new Held(held.memory);
  // The kernel has taken all entries, or not that one.
  expect([...other.left(null)]).toEqual([3, 9, 11]);
  expect([...other.left(101)]).toEqual([3, 9, 11]);
  expect([...other.left(100)]).toEqual([3, 9, 11, 7]);
});

test("entries are counted across 2³²", () => {
  const held = new Held(heldMemory(64));
  held.closing(3, 0xffff_ffff);
  expect([...held.left(0xffff_ffff)]).toEqual([3]);
  expect([...held.left(0)]).toEqual([]);
  held.closing(4, 1);
  expect([...held.left(0xffff_fff0)]).toEqual([3, 4]);
});

test("knows of a descriptor that the kernel still shows whether it was taken", () => {
  const held = new Held(heldMemory(64));
  expect(held.hasSeen(3)).toBe(false);
  held.took(3);
  expect(held.hasSeen(3)).toBe(true);
  held.enters(10);
  held.closing(3, 12);
  expect(held.hasSeen(3)).toBe(true);
  // Closed in a turn before this one: the number is another's.
  held.enters(13);
  expect(held.hasSeen(3)).toBe(false);
});

test("a descriptor beyond its memory is ignored", () => {
  const held = new Held(heldMemory(4));
  held.took(4);
  expect([...held.left(null)]).toEqual([]);
});
