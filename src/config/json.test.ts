import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseJson } from "./json.ts";

test.each([
  ['{"a":1,"a":2}', "a"],
  ['{"a":[{"b":1},{"b":1,"c":{},"b":2}]}', "a[1].b"],
  ['{"a":{"b":[1,[2,3]]},"c":"}","a":0}', "a"],
  ['{"a":1, "\\u0061" : 2}', "a"],
  ['{"__proto__":1,"__proto__":2}', "__proto__"],
])("%s has %s twice", (text, path) => {
  expect(() => parseJson(text)).toThrow(`the key ${path} is given twice`);
});

test.each([
  '{"a":{"a":["a","a"]},"b":{"a":1}}',
  '{"a":"\\"a\\":{","b":"a"}',
  '["a","a"]',
  '"a"',
  "1",
])("%s has none", (text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text));
});

test("whatever is written without a key twice is read", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test("a long text is no matter", () => {
  const text = JSON.stringify({ a: "x\n".repeat(300_000) });
  expect(() => parseJson(`{"b":${text},"b":1}`)).toThrow("the key b is given twice");
});
