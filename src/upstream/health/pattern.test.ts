import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ConfigError } from "../../config/error.ts";
import { Pattern, PatternSearch } from "./pattern.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const matches = (pattern: string, text: string) => Pattern.compile(pattern).test(bytes(text));

/** A few bytes that patterns and answers share, so that they often meet. */
const letter = fc.constantFrom(
  "a",
  "b",
  "c",
  "0",
  "_",
  "-",
  " ",
  "\r",
  "\n",
  "\t",
  "\u0080",
  "\xff",
);

const literal = fc.constantFrom(
  "a",
  "b",
  "c",
  "0",
  "_",
  "-",
  " ",
  "\\r",
  "\\n",
  "\\t",
  "\\x80",
  "\\xff",
);
const classEscape = fc.constantFrom("\\d", "\\D", "\\w", "\\W", "\\s", "\\S");
const byteClass = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.oneof(classEscape, fc.constantFrom("a", "b", "a-c", "\\x00-\\x7f", "0-9")), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([isInverse, parts]) => `[${isInverse ? "^" : ""}${parts.join("")}]`);
const count = fc.constantFrom(
  "*",
  "+",
  "?",
  "{2}",
  "{0}",
  "{0,2}",
  "{1,3}",
  "{2,}",
  "*?",
  "{1,2}?",
);

/** Expressions of the syntax that JavaScript and we share. */
const { expression } = fc.letrec<{ expression: string; part: string }>((tie) => ({
  expression: fc
    .array(fc.array(tie("part"), { maxLength: 4 }), { minLength: 1, maxLength: 3 })
    .map((branches) => branches.map((parts) => parts.join("")).join("|")),
  part: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    literal,
    byteClass,
    classEscape,
    fc.constantFrom(".", "^", "$"),
    fc.tuple(fc.oneof(literal, byteClass), count).map((both) => both.join("")),
    fc
      .tuple(fc.constantFrom("(", "(?:"), tie("expression"), fc.oneof(fc.constant(""), count))
      .map(([open, inside, times]) => `${open}${inside})${times}`),
  ),
}));

/** JavaScript's own takes exponentially long for some of these expressions: so little in all. */
const text = fc.array(letter, { maxLength: 12 }).map((letters) => letters.join(""));
const shortText = fc.array(letter, { maxLength: 3 }).map((letters) => letters.join(""));
const rounds = { numRuns: Number(process.env.RINGWAY_FUZZ_RUNS ?? 3_000) };

/** Some of what is drawn multiplies to more states than there may be: drawn again. */
function drawn(source: string): Pattern {
  try {
    return Pattern.compile(source);
  } catch (error) {
    fc.pre(!String(error).includes("its counts multiply"));
    throw error;
  }
}

describe("a pattern", () => {
  test("matches exactly what JavaScript's matches", () => {
    fc.assert(
      fc.property(expression, text, (source, subject) => {
        expect(drawn(source).test(bytes(subject))).toBe(new RegExp(source).test(subject));
      }),
      rounds,
    );
  });

  test("finds the same in bytes that come bit by bit, at each point", () => {
    fc.assert(
      fc.property(expression, fc.array(shortText, { maxLength: 4 }), (source, parts) => {
        const search = new PatternSearch(drawn(source));
        let whole = "";
        let isFound = false;
        for (const part of parts) {
          whole += part;
          const isFoundNow = search.feed(bytes(part));
          // What was found without the end stays found.
          if (isFound) expect(isFoundNow).toBe(true);
          isFound = isFoundNow;
          const here = search.matchesHere();
          expect(here).toBe(new RegExp(source).test(whole));
          // Asking changes nothing.
          expect(search.matchesHere()).toBe(here);
        }
      }),
      rounds,
    );
  });

  test.each(["(a+)+$", "^(a|aa)+$", "(a*)*b", "(.*)(.*)(.*)x", "(((a{1,3}){1,3}){1,3}){1,3}b"])(
    "%s takes no longer for being a trap",
    (source) => {
      const subject = Buffer.alloc(65_536, "a");
      subject[subject.length - 1] = 0x21;
      const pattern = Pattern.compile(source);
      const startedAt = performance.now();
      expect(pattern.test(subject)).toBe(false);
      // JavaScript's own does not end in this life. This one has time for a very busy machine.
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    },
  );

  test("is about bytes: a character beyond ASCII stands for its UTF-8", () => {
    expect(Pattern.compile("^é$").test(Buffer.from("é"))).toBe(true);
    expect(Pattern.compile("^(🚀)+$").test(Buffer.from("🚀🚀"))).toBe(true);
    expect(Pattern.compile("^..$").test(Buffer.from("é"))).toBe(true);
    expect(matches("\\x00\\xff", "\0\xff")).toBe(true);
    expect(matches("\\s", "\xa0")).toBe(false);
  });

  test("a typical one", () => {
    const pattern = "^\\+PONG\\r\\n$|^-(NOAUTH|LOADING) ";
    expect(matches(pattern, "+PONG\r\n")).toBe(true);
    expect(matches(pattern, "-LOADING Redis is loading")).toBe(true);
    expect(matches(pattern, "+PONG\r\n+PONG\r\n")).toBe(false);
  });

  test.each([
    ["a(b", '"a(b": "(" at 2 is not closed'],
    ["a)b", '"a)b": ")" at 2 closes nothing'],
    ["*a", '"*a": nothing to repeat before "*" at 1'],
    ["a**", '"a**": nothing to repeat before "*" at 3'],
    ["^*", '"^*": "^" at 1 cannot be repeated'],
    ["a{,3}", '"a{,3}": "{" at 2: expected {m}, {m,} or {m,n}, or \\{ for the character'],
    ["a{3,2}", '"a{3,2}": {3,2} at 2: the counts are out of order'],
    ["a{1001}", '"a{1001}": {1001} at 2: a count is at most 1000'],
    ["[a", '"[a": "[" at 1 is not closed'],
    ["[]", '"[]": "[" at 1: nothing is in the brackets'],
    ["[z-a]", '"[z-a]": "[" at 1: a range goes from one byte up to another'],
    ["[\\d-z]", '"[\\d-z]": "[" at 1: a range goes from one byte up to another'],
    ["[é]", '"[é]": "é" at 2: only ASCII may stand in brackets'],
    ["}", '"}": "}" at 1: write \\} for the character'],
    ["\\b", '"\\b": "\\b" at 1 is not known'],
    ["(a)\\1", '"(a)\\1": "\\1" at 4 is not known'],
    ["\\01", '"\\01": "\\0" at 1 is not known'],
    ["\\xg0", '"\\xg0": "\\x" at 1: expected \\x and two digits'],
    ["a\\", '"a\\": nothing follows the last backslash'],
    ["(?=a)", '"(?=a)": "(?" at 1: of these only (?: ) is known'],
    [
      "((a{100}){100})",
      '"((a{100}){100})": a regular expression has at most 1000 states; its counts multiply',
    ],
  ])("%s is refused in a sentence", (source, sentence) => {
    expect(() => Pattern.compile(source)).toThrow(new ConfigError(sentence));
  });

  test("any text compiles or is refused with a ConfigError, soon", () => {
    const noise = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc
        .array(fc.constantFrom(..."ab()[]{}|*+?^$\\.-,019"), { maxLength: 30 })
        .map((all) => all.join("")),
      fc.constantFrom("(".repeat(1_000), `${"(".repeat(499)}${")".repeat(499)}`, "x".repeat(1_001)),
      fc.nat(6).map((depth) => `${"(".repeat(depth)}()${"{1000})".repeat(depth)}`),
    );
    fc.assert(
      fc.property(noise, (source) => {
        try {
          Pattern.compile(source).test(bytes("abba"));
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as Error).message).not.toContain("\n");
        }
      }),
      rounds,
    );
  });
});

test("a search that would take too long is given up, wherever the answer was cut", () => {
  const search = new PatternSearch(Pattern.compile(".{990}x"));
  const bytes = Buffer.alloc(1_000, 97);
  let fed = 0;
  while (!search.isGivenUp && fed < 65_536) {
    expect(search.feed(bytes)).toBe(false);
    fed += bytes.length;
  }
  expect(fed).toBeLessThan(10_000);
  expect(search.feed(Buffer.from("x"))).toBe(false);
  expect(search.matchesHere()).toBe(false);
  // A usual one gets through all that is ever looked at.
  expect(Pattern.compile("^HTTP/1.1 200 .*ok$").test(Buffer.alloc(65_536, 97))).toBe(false);
  expect(Pattern.compile("(a|ab|b)*c").test(Buffer.from(`${"ab".repeat(32_000)}c`))).toBe(true);
});
