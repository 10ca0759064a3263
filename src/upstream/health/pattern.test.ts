import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seeded } from "../../../test/fixtures/random.ts";
import { ConfigError } from "../../base/error.ts";
import { Pattern, PatternSearch } from "./pattern.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const isIn = (pattern: Pattern, answer: Uint8Array) => new PatternSearch(pattern).isIn(answer);
const matches = (pattern: string, text: string) => isIn(Pattern.compile(pattern), bytes(text));

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
    fc.constantFrom(".", "^", "$", "\\b", "\\B"),
    fc.tuple(fc.oneof(literal, byteClass), count).map((both) => both.join("")),
    fc
      .tuple(fc.constantFrom("(", "(?:"), tie("expression"), fc.oneof(fc.constant(""), count))
      .map(([open, inside, times]) => `${open}${inside})${times}`),
  ),
}));

/** JavaScript's own takes exponentially long for some of these expressions: so little in all. */
const text = fc.array(letter, { maxLength: 12 }).map((letters) => letters.join(""));
const shortText = fc.array(letter, { maxLength: 3 }).map((letters) => letters.join(""));
const rounds = { numRuns: Number(process.env.RINGWAY_FUZZ_RUNS ?? 1_000) };

/** Some of what is drawn multiplies to more states than there may be: drawn again. */
function drawn(source: string): Pattern {
  try {
    return Pattern.compile(source);
  } catch (error) {
    fc.pre(!/its counts/.test(String(error)));
    throw error;
  }
}

describe("a pattern", () => {
  test("matches exactly what JavaScript's matches", () => {
    fc.assert(
      fc.property(expression, text, (source, subject) => {
        expect(isIn(drawn(source), bytes(subject))).toBe(new RegExp(source).test(subject));
      }),
      rounds,
    );
  });

  test("finds the same in an answer that grows, at each point", () => {
    fc.assert(
      fc.property(expression, fc.array(shortText, { maxLength: 4 }), (source, parts) => {
        const search = new PatternSearch(drawn(source));
        let whole = "";
        for (const part of parts) {
          whole += part;
          expect(search.isIn(bytes(whole))).toBe(new RegExp(source).test(whole));
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
      expect(isIn(pattern, subject)).toBe(false);
      // JavaScript's own does not end in this life. This one has time for a very busy machine.
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    },
  );

  test("is about bytes: a character beyond ASCII stands for its UTF-8", () => {
    expect(isIn(Pattern.compile("^é$"), Buffer.from("é"))).toBe(true);
    expect(isIn(Pattern.compile("^(🚀)+$"), Buffer.from("🚀🚀"))).toBe(true);
    expect(isIn(Pattern.compile("^..$"), Buffer.from("é"))).toBe(true);
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
    ["a(b", '"a(b": missing closing )'],
    ["a)b", '"a)b": unexpected )'],
    ["a**", '"a**": invalid nested repetition operator in "**"'],
    ["a{,3}", '"a{,3}": "{" at 2: expected {m}, {m,} or {m,n}, or \\{ for the character'],
    ["a{1001}", '"a{1001}": invalid repeat count in "{1001}"'],
    ["((a{50}){50})", '"((a{50}){50})": invalid repeat count in "{50}"'],
    ["[a", '"[a": missing closing ]'],
    ["[]a]", '"[]a]": "[" at 1: the brackets are empty'],
    ["[z-a]", '"[z-a]": invalid character class range in "z-a"'],
    ["[é]", '"[é]": "é" at 2: only ASCII may stand in brackets'],
    ["(a)\\1", '"(a)\\1": "\\1" at 4 is not supported'],
    ["\\01", '"\\01": "\\01" at 1 is not supported'],
    ["\\xg0", '"\\xg0": "\\x" at 1 is not supported'],
    ["\\pL", '"\\pL": "\\p" at 1 is not supported'],
    ["\\Q.\\E", '"\\Q.\\E": "\\Q" at 1 is not supported'],
    ["a\\", '"a\\": nothing follows the last backslash'],
    ["(?=a)", '"(?=a)": "(" at 1: of the groups with ?, only (?: ) is supported'],
    ["(?i)a", '"(?i)a": "(" at 1: of the groups with ?, only (?: ) is supported'],
    [
      "(abcdefg){300}",
      '"(abcdefg){300}": a regular expression has at most 2000 states; its counts multiply',
    ],
    [
      "a{1000}".repeat(11),
      `"${"a{1000}".repeat(11)}": a regular expression has at most 10000 characters when its repetitions are written out`,
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
          isIn(Pattern.compile(source), bytes("abba"));
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as Error).message).not.toContain("\n");
        }
      }),
      rounds,
    );
  });
});

/**
 * Letters of which each could be the first of a match, in no order that an automaton could learn.
 */
const trap = (() => {
  const random = seeded(17);
  return Buffer.from(Array.from({ length: 65_536 }, () => (random() < 0.5 ? 0x61 : 0x62)));
})();

describe("a search that would take too long is given up", () => {
  test("before a look that may", () => {
    const pattern = Pattern.compile("a.{990}[cd]");
    const search = new PatternSearch(pattern);
    let size = 0;
    while (!search.isGivenUp && size < trap.length) {
      size += 1_000;
      expect(search.isIn(trap.subarray(0, size))).toBe(false);
    }
    expect(size).toBeLessThan(18_000);
    expect(search.isIn(Buffer.from(`a${"b".repeat(990)}c`))).toBe(false);
    // The next one is another search.
    expect(isIn(pattern, Buffer.from(`a${"b".repeat(990)}c`))).toBe(true);
  });

  test("after many looks, wherever the answer was cut", () => {
    const search = new PatternSearch(Pattern.compile("a.{60}[cd]"));
    let looks = 0;
    while (!search.isGivenUp && looks < 65_536) search.isIn(trap.subarray(0, ++looks));
    expect(looks).toBeLessThan(65_536);
  });

  test("no usual one", () => {
    const page = Buffer.concat([Buffer.from("HTTP/1.1 200 ok "), Buffer.alloc(65_520, 97)]);
    const search = new PatternSearch(Pattern.compile("^HTTP/1.1 200 .*\\.$"));
    // As the network cuts it.
    for (let size = 1_460; size < page.length; size += 1_460) {
      expect(search.isIn(page.subarray(0, size))).toBe(false);
    }
    expect(search.isGivenUp).toBe(false);
    expect(matches("(a|ab|b)*c", `${"ab".repeat(32_000)}c`)).toBe(true);
  });
});

test("patterns are equal when their sources are, whatever they have seen", () => {
  const [one, other] = [Pattern.compile("a+"), Pattern.compile("a+")];
  isIn(one, bytes("baa"));
  expect(Bun.deepEquals(one, other, true)).toBe(true);
  expect(Bun.deepEquals(one, Pattern.compile("a*"), true)).toBe(false);
});
