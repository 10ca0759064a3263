import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { NO_UPSTREAM } from "../../upstream/chooser.ts";
import { answerOf, LABEL_LENGTH_MAX } from "./answer.ts";
import type { Connection, Route } from "./connection.ts";

const connection: Connection = {
  listener: "redis",
  client: "10.0.0.9:4711",
  local: "10.0.0.1:6380",
  header: null,
  hello: null,
  tls: null,
  route: null,
  upstreams: ["a:1", "b:2"],
  states: [],
};

/** What comes of a function that answers so. */
const answered = (answer: unknown) => answerOf((() => answer) as Route, connection);

const anything = { upstream: NO_UPSTREAM, isStrict: false, label: null, isRefused: false };

test.each([
  [undefined, {}],
  [null, {}],
  [{}, {}],
  [{ upstream: undefined, label: null, refuse: undefined }, {}],
  [{ upstream: "b:2" }, { upstream: 1 }],
  [
    { upstream: "b:2", strict: true },
    { upstream: 1, isStrict: true },
  ],
  [{ strict: false }, {}],
  [
    { refuse: true, strict: true },
    { isRefused: true, isStrict: true },
  ],
  [{ label: "tenant é" }, { label: "tenant é" }],
  [{ label: "" }, {}],
  [{ label: "x".repeat(LABEL_LENGTH_MAX) }, { label: "x".repeat(LABEL_LENGTH_MAX) }],
  [
    { refuse: true, label: "no", upstream: "a:1" },
    { isRefused: true, label: "no", upstream: 0 },
  ],
  [{ refuse: false }, {}],
])("%j is a decision", async (answer, choice) => {
  expect(await answered(answer)).toEqual({ ...anything, ...choice });
  expect(await answered(Promise.resolve(answer))).toEqual({ ...anything, ...choice });
});

test.each([
  [7, "it answers a number: expected upstream, strict, label or refuse"],
  ["a:1", "it answers a string: expected upstream, strict, label or refuse"],
  [["a:1"], "it answers a list: expected upstream, strict, label or refuse"],
  [() => {}, "it answers a function: expected upstream, strict, label or refuse"],
  [
    { upsteam: "a:1" },
    "its answer has an unknown key: expected upstream, strict, label and refuse",
  ],
  [{ upstream: "secret:3" }, "upstream: expected one of connection.upstreams"],
  [{ upstream: 0 }, "upstream: expected one of connection.upstreams"],
  [{ label: 7 }, "label: expected at most 64 printable characters"],
  [{ label: "x".repeat(65) }, "label: expected at most 64 printable characters"],
  [{ label: "a\u0000" }, "label: expected at most 64 printable characters"],
  [{ label: "a\u202e" }, "label: expected at most 64 printable characters"],
  [{ label: "\ud800" }, "label: expected at most 64 printable characters"],
  [{ upstream: "a:1", strict: "yes" }, "strict: expected true or false"],
  [{ strict: true }, "strict: needs upstream"],
  [{ strict: true, upstream: undefined }, "strict: needs upstream"],
  [{ refuse: "yes" }, "refuse: expected true or false"],
])("%j is none", async (answer, failure) => {
  expect(await answered(answer)).toEqual({ failure });
});

describe("what is thrown is told in one short line,", () => {
  const thrown = (what: unknown) =>
    answerOf(() => {
      throw what;
    }, connection);

  test.each([
    ["an error", new Error("mine"), "mine"],
    ["lines", new Error("two\nlines\u001b[2J"), "two\\u000alines\\u001b[2J"],
    ["a text", "a text", "a text"],
    ["nothing", undefined, "undefined"],
    ["no text", Object.create(null), "an error without a message"],
    [
      "what throws itself",
      Object.defineProperty(new Error(), "message", { get: () => JSON.parse("}") }),
      "an error without a message",
    ],
  ])("%s", async (_, what, message) => {
    expect(await thrown(what)).toEqual({ failure: `it throws: ${message}` });
  });

  test("however long it is", async () => {
    const { failure } = (await thrown(new Error("😀".repeat(1_000)))) as { failure: string };
    expect(failure.length).toBeLessThan(250);
    expect(failure.isWellFormed()).toBe(true);
  });
});

test("an answer that does harm when it is looked at is a failure", async () => {
  const harm = (): never => {
    throw new Error("mine");
  };
  const harmful = [
    Object.defineProperty({}, "upstream", { get: harm, enumerable: true }),
    new Proxy({}, { ownKeys: harm }),
    new Proxy({}, { get: harm }),
  ];
  for (const answer of harmful) {
    expect(await answered(answer)).toEqual({ failure: "it throws: mine" });
  }
});

test("whatever is answered, a choice can be followed", async () => {
  const unit = fc.constantFrom("a", "é", "😀", " ", "\n", "\u0085", "\u2028", "\ufeff", "\ud800");
  const label = fc.option(fc.string({ unit, maxLength: 70 }));
  const shaped = fc.record(
    { upstream: fc.oneof(fc.constantFrom("a:1", "b:2"), fc.string()), label, refuse: fc.boolean() },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(shaped, fc.anything()), async (answer) => {
      const told = await answered(answer);
      if ("failure" in told) {
        expect(told.failure).toMatch(/^[^\p{Cc}]{1,230}$/u);
        return;
      }
      expect([NO_UPSTREAM, 0, 1]).toContain(told.upstream);
      expect(typeof told.isRefused).toBe("boolean");
      if (told.label !== null) expect(told.label).toMatch(/^[^\p{Cc}]{1,64}$/u);
    }),
    { numRuns: 300 },
  );
});

test("it is called from an empty stack", async () => {
  let isCalled = false;
  const answer = answerOf(() => {
    isCalled = true;
    return null;
  }, connection);
  expect(isCalled).toBe(false);
  await answer;
  expect(isCalled).toBe(true);
});
