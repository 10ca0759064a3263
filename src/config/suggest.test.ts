import { expect, test } from "bun:test";
import { nearest } from "./suggest.ts";

const known = ["listen", "upstream", "mode", "connect-timeout"];

test.each([
  ["listn", "listen"],
  ["LISTEN", "listen"],
  ["upstreams", "upstream"],
  ["connect_timeout", "connect-timeout"],
])("%s is nearest to %s", (word, expected) => {
  expect(nearest(word, known)).toBe(expected);
});

test.each(["", "x", "backlog", "__proto__"])("%j is near to none", (word) => {
  expect(nearest(word, known)).toBeNull();
});
