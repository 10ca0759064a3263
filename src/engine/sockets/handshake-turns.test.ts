import { expect, test } from "bun:test";
import { HandshakeTurns } from "./handshake-turns.ts";

/** Turns whose passes a test makes, and the names of those whose turn came. */
function stage() {
  let calls: (() => void)[] = [];
  const came: string[] = [];
  const turns = new HandshakeTurns((call) => void calls.push(call));
  const client = (name: string) => ({ name, shake: () => void came.push(name) });
  const pass = () => {
    const due = calls;
    calls = [];
    for (const call of due) call();
    return due.length;
  };
  return { came, client, pass, turns };
}

test("two in a pass, in the order in which they came", () => {
  const { came, client, pass, turns } = stage();
  for (const name of "abcde") turns.begin(client(name));
  expect(came.join("")).toBe("ab");
  pass();
  turns.begin(client("f"));
  expect(came.join("")).toBe("abcd");
  pass();
  expect(came.join("")).toBe("abcdef");
});

test("it asks for passes only as long as there is something", () => {
  const { client, pass, turns } = stage();
  for (const name of "abc") turns.begin(client(name));
  expect([pass(), pass(), pass()]).toEqual([1, 1, 0]);
  turns.begin(client("d"));
  expect([pass(), pass()]).toEqual([1, 0]);
});

test("whoever has left has no turn", () => {
  const { came, client, pass, turns } = stage();
  const [a, b, c, d] = [..."abcd"].map(client);
  for (const one of [a, b, c, d]) if (one !== undefined) turns.begin(one);
  if (c !== undefined) turns.delete(c);
  pass();
  expect(came.join("")).toBe("abd");
});
