import { expect, test } from "bun:test";
import type { Asker } from "./answer.ts";
import { WrongTokens } from "./wrong-tokens.ts";

const never = new AbortController().signal;

/** A client, which waits until it is gone. */
function asker(name: string, gone = never): Asker {
  return { name, refusal: null, gone, distrust() {} };
}

/** Milliseconds until a wrong token of an address is answered. */
async function held(tokens: WrongTokens, name: string): Promise<number> {
  const startedAt = performance.now();
  await tokens.note(asker(name));
  return performance.now() - startedAt;
}

test("each further one of an address takes longer, and others do not wait for it", async () => {
  const tokens = new WrongTokens(() => {});
  const first = await held(tokens, "10.0.0.1");
  const second = await held(tokens, "10.0.0.1");
  const other = await held(tokens, "10.0.0.2");
  expect(first).toBeGreaterThanOrEqual(240);
  expect(second).toBeGreaterThanOrEqual(490);
  expect(other).toBeLessThan(second);
});

test("addresses of one /64 are one, and memory is bounded", () => {
  const tokens = new WrongTokens(() => {});
  for (let at = 0; at < 100; at++) void tokens.note(asker(`2001:db8:1:2::${at.toString(16)}`));
  expect(tokens.size).toBe(1);
  for (let at = 0; at < 5_000; at++) void tokens.note(asker(`10.0.${at >> 8}.${at & 255}`));
  expect(tokens.size).toBe(1_024);
});

test("a line at once, and then a number", async () => {
  const lines: string[] = [];
  const tokens = new WrongTokens((line) => lines.push(line));
  for (let at = 0; at < 300; at++) void tokens.note(asker(at === 0 ? "user 7" : "10.0.0.1"));
  expect(lines).toEqual(["admin API: a wrong token from user 7"]);
  while (lines.length < 2) await Bun.sleep(10);
  expect(lines[1]).toBe(
    "admin API: 299 more requests with a wrong token, or from others who may not ask",
  );
});

test("nobody is waited for who has left", async () => {
  const tokens = new WrongTokens(() => {});
  for (let at = 0; at < 8; at++) void tokens.note(asker("10.0.0.1"));
  const left = new AbortController();
  const startedAt = performance.now();
  const waiting = tokens.note(asker("10.0.0.1", left.signal));
  left.abort();
  await waiting;
  await tokens.note(asker("10.0.0.1", left.signal));
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});
