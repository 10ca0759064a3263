import { expect, test } from "bun:test";
import { validate } from "../../config/validate.ts";
import { Chain } from "./chain.ts";
import { Chunks } from "./chunks.ts";
import type { Kernel } from "./kernel.ts";
import { Direction, LARGE, Memory } from "./memory.ts";

const kernel = { registerBuffers: () => 0 } as unknown as Kernel;

/** A chain over memory of its own, and the kernel's part: what it has put where. */
function chainOf(incremental: boolean) {
  const { uring, memory: options } = validate({});
  const memory = new Memory(kernel, options, { ...uring, incremental }, () => {});
  memory.refill();
  const chain = new Chain({ chunks: new Chunks(), memory }, Direction.Up);
  const group = memory.group(Direction.Up, false);
  /** A receive brings bytes in the buffer with this number. */
  const brings = (buffer: number, text: string, more = false) => {
    const bytes = new TextEncoder().encode(text);
    const start = group.took(buffer, bytes.length, more);
    memory.view(buffer, start, bytes.length).set(bytes);
    chain.push(buffer, start, start + bytes.length);
  };
  const text = () => Buffer.concat(chain.views(0, chain.size)).toString();
  return { chain, memory, group, brings, text };
}

test("small pieces that are kept lie in one buffer", () => {
  const { chain, group, brings, text, memory } = chainOf(false);
  for (let piece = 0; piece < 40; piece++) {
    brings(piece, `piece ${piece}, `);
    chain.settleDown();
  }
  expect(text()).toBe(Array.from({ length: 40 }, (_, piece) => `piece ${piece}, `).join(""));
  expect([chain.count, group.held]).toEqual([1, 1]);
  chain.clear();
  expect(group.held).toBe(0);
  memory.close();
});

test("when it is full the next piece begins another one", () => {
  const { chain, group, brings, text, memory } = chainOf(false);
  const { size } = memory.small;
  const sizes = [size - 10, 9, 1, 1, size];
  for (const [buffer, length] of sizes.entries()) {
    brings(buffer, String(buffer).repeat(length));
    chain.settleDown();
  }
  expect(text()).toBe(sizes.map((length, buffer) => String(buffer).repeat(length)).join(""));
  expect([chain.count, group.held]).toEqual([3, 3]);
  chain.consume(size);
  expect(text()).toBe(`3${"4".repeat(size)}`);
  chain.clear();
  expect(group.held).toBe(0);
  memory.close();
});

test("a buffer that the kernel fills bit by bit is left for one of its own", () => {
  const { chain, group, brings, text, memory } = chainOf(true);
  for (let piece = 0; piece < 20; piece++) {
    // Others' bytes come between them.
    group.took(piece, 100, true);
    brings(piece, `piece ${piece}, `, true);
    chain.settleDown();
  }
  expect(text()).toBe(Array.from({ length: 20 }, (_, piece) => `piece ${piece}, `).join(""));
  expect([chain.count, group.held]).toEqual([1, 1]);
  chain.clear();
  expect(group.held).toBe(0);
  memory.close();
});

test("few bytes in a large buffer move to a small one, many stay", () => {
  const { chain, memory } = chainOf(false);
  const large = memory.group(Direction.Up, true);
  // The first one that this group has provided.
  large.took(0, 5, false);
  memory.view(0 | LARGE, 0, 5).set(new TextEncoder().encode("hello"));
  chain.push(0 | LARGE, 0, 5);
  chain.settleDown();
  expect(Buffer.concat(chain.views(0, 5)).toString()).toBe("hello");
  expect([large.held, memory.group(Direction.Up, false).held]).toEqual([0, 1]);
  large.took(1, 100_000, false);
  chain.push(1 | LARGE, 0, 100_000);
  chain.settleDown();
  expect([chain.size, chain.count, large.held]).toEqual([100_005, 2, 1]);
  chain.clear();
  memory.close();
});

test("without memory for a better place bytes stay where they are", () => {
  const { chain, group, brings, text, memory } = chainOf(true);
  while (group.leaseOwn() >= 0);
  brings(0, "here", true);
  chain.settleDown();
  expect([text(), chain.count]).toEqual(["here", 1]);
  brings(0, " and there", true);
  chain.settleDown();
  expect([text(), chain.count]).toEqual(["here and there", 2]);
  memory.close();
});

test("there is nothing to settle in an empty chain", () => {
  const { chain, memory } = chainOf(false);
  chain.settleDown();
  expect(chain.size).toBe(0);
  memory.close();
});
