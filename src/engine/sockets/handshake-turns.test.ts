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

test("one in a pass, in the order in which they came", () => {
  const { came, client, pass, turns } = stage();
  for (const name of "ab") turns.begin(client(name));
  expect(came.join("")).toBe("a");
  pass();
  turns.begin(client("c"));
  expect(came.join("")).toBe("ab");
  pass();
  expect(came.join("")).toBe("abc");
});

test("it asks for passes only as long as there is something", () => {
  const { client, pass, turns } = stage();
  for (const name of "ab") turns.begin(client(name));
  expect([pass(), pass(), pass()]).toEqual([1, 1, 0]);
  turns.begin(client("d"));
  expect([pass(), pass()]).toEqual([1, 0]);
});

test("whoever has left has no turn", () => {
  const { came, client, pass, turns } = stage();
  const [a, b, c] = [client("a"), client("b"), client("c")];
  for (const one of [a, b, c]) turns.begin(one);
  turns.delete(b);
  pass();
  expect(came.join("")).toBe("ac");
});
