import { expect, test } from "bun:test";
import fc from "fast-check";
import { describe, printable } from "./error.ts";

test("what a terminal may obey, or nobody sees, is shown by its number", () => {
  expect(printable("a\u001b[2J\r\n\u009b1m\u007f")).toBe(
    "a\\u001b[2J\\u000d\\u000a\\u009b1m\\u007f",
  );
  // Arabic letter mark, soft hyphen, zero-width joiner, right-to-left override and isolate.
  expect(printable("\u061c\u00ad\u200d\u202e\u2067")).toBe("\\u061c\\u00ad\\u200d\\u202e\\u2067");
  expect(printable("\u2028\u2029\ufeff")).toBe("\\u2028\\u2029\\ufeff");
  // Combining grapheme joiner, Hangul filler, variation selector: seen by nobody.
  expect(printable("\u034f\u3164\ufe0f")).toBe("\\u034f\\u3164\\ufe0f");
});

test("lone surrogates, tags, private and unassigned characters, too, as JSON would have them", () => {
  expect(printable("\ud800x\udc00")).toBe("\\ud800x\\udc00");
  expect(printable("\u{e0041}")).toBe("\\udb40\\udc41");
  expect(printable("\ue000\u0378\uffff")).toBe("\\ue000\\u0378\\uffff");
});

test("letters of any language, signs and emoji stay", () => {
  for (const text of ["ringway → 10.0.0.1", "naïve Ωμέγα", "日本語", "العربية", "😀", "e\u0301"]) {
    expect(printable(text)).toBe(text);
  }
});

test("any text becomes one that is printable, and stays the same in JSON", () => {
  const texts = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(texts, (text) => {
      const shown = printable(text);
      expect(printable(shown)).toBe(shown);
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      const json = JSON.stringify({ text });
      expect(JSON.parse(printable(json))).toEqual({ text });
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ["redis://:secret@h:1", "redis://***@h:1"],
  ["redis://u:se/c@re?t#s@h:1", "redis://***@h:1"],
  ["u:secret@h:1", "u:***@h:1"],
  [":secret@h:1", ":***@h:1"],
  ["a u:se/cret@h:1", "a u:***@h:1"],
  ["unix:@name", "unix:@name"],
  ["unix:/run/a@b.sock", "unix:/run/a@b.sock"],
  ["[::1]:1", "[::1]:1"],
])("who logs in is not told: %s", (text, shown) => {
  expect(describe(text)).toBe(`"${shown}"`);
});
