import { expect, test } from "bun:test";
import type { Address } from "../../base/address.ts";
import { FreshAnswers } from "./fresh-answers.ts";

const literal: Address = { kind: "tcp", host: "10.0.0.1", port: 6379, asks: true };
const found: readonly Address[] = [{ kind: "tcp", host: "10.0.0.1", port: 6379 }];

test("an allowed address is known for a second", () => {
  let now = 0;
  const fresh = new FreshAnswers(() => now);
  expect(fresh.of(literal)).toBeNull();
  fresh.learn(literal, found);
  now = 999;
  expect(fresh.of(literal)).toBe(found);
  now = 1_000;
  expect(fresh.of(literal)).toBeNull();
});

test("refused addresses, names and unix sockets are asked for each time", () => {
  const fresh = new FreshAnswers(() => 0);
  fresh.learn(literal, []);
  expect(fresh.of(literal)).toBeNull();
  const others: readonly Address[] = [
    { kind: "tcp", host: "one.test", port: 6379 },
    { kind: "unix", path: "/run/one.sock", asks: true },
  ];
  for (const other of others) {
    fresh.learn(other, found);
    expect(fresh.of(other)).toBeNull();
  }
});

test("the same address of other options is another one", () => {
  const fresh = new FreshAnswers(() => 0);
  fresh.learn(literal, found);
  expect(fresh.of({ ...literal })).toBeNull();
});
