import { expect, test } from "bun:test";
import { cleanUp, cleanUpInTurn, cleanUpOrThrow, forEach } from "./clean-up.ts";

function broken(what: string) {
  return () => {
    throw new Error(what);
  };
}

test("every step is taken, whatever those before it have thrown", () => {
  const taken: string[] = [];
  const failures = cleanUp([
    broken("first"),
    () => taken.push("second"),
    broken("third"),
    () => taken.push("fourth"),
  ]);
  expect(taken).toEqual(["second", "fourth"]);
  expect(failures).toEqual([new Error("first"), new Error("third")]);
});

test("for each of many things, though they change meanwhile, or cannot be had", () => {
  const things = new Set([1, 2, 3]);
  const taken: number[] = [];
  const steps = forEach(
    () => things,
    (thing) => {
      things.delete(thing);
      taken.push(thing);
      if (thing === 2) throw new Error("two");
    },
  );
  expect(cleanUp(steps)).toEqual([new Error("two")]);
  expect(taken).toEqual([1, 2, 3]);
  const none = forEach(broken("no list"), () => {});
  expect(cleanUp(none)).toEqual([new Error("no list")]);
});

test("steps that take their time are taken one after the other", async () => {
  const taken: string[] = [];
  const slow = (what: string) => async () => {
    await Bun.sleep(0);
    taken.push(what);
  };
  const failures = await cleanUpInTurn([slow("one"), broken("two"), slow("three")]);
  expect([taken, failures]).toEqual([["one", "three"], [new Error("two")]]);
});

test("where nobody is told it is thrown when all is done", () => {
  const taken: string[] = [];
  const steps = [broken("one"), () => void taken.push("next")];
  expect(() => cleanUpOrThrow(steps)).toThrow("one");
  expect(taken).toEqual(["next"]);
  expect(() => cleanUpOrThrow([...steps, broken("two")])).toThrow(AggregateError);
  cleanUpOrThrow([]);
});
