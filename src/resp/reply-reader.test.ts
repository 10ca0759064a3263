import { expect, test } from "bun:test";
import fc from "fast-check";
import { ReplyFound, ReplyReader } from "./reply-reader.ts";

/** A reply that was found. */
interface Item {
  readonly size: number;
  readonly isPush: boolean;
  readonly error: string | null;
}

test.each([
  "+OK\r\n",
  ":-12\r\n",
  "$-1\r\n",
  "$0\r\n\r\n",
  "$5\r\na\r\nbc\r\n",
  "*-1\r\n",
  "*0\r\n",
  "*2\r\n*1\r\n:1\r\n$1\r\na\r\n",
  "_\r\n",
  "#t\r\n",
  ",1.5e3\r\n",
  "(123456789012345678901234567890\r\n",
  "=7\r\ntxt:abc\r\n",
  "%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n",
  "~2\r\n:1\r\n:2\r\n",
  "|1\r\n+ttl\r\n:3\r\n+OK\r\n",
  "*2\r\n|1\r\n+a\r\n*0\r\n:1\r\n:2\r\n",
  "|0\r\n*1\r\n|0\r\n%0\r\n",
  "*?\r\n:1\r\n*?\r\n.\r\n.\r\n",
  "$?\r\n;3\r\nabc\r\n;1\r\nd\r\n;0\r\n",
  "%?\r\n+a\r\n$?\r\n;0\r\n.\r\n",
])("%j is one reply, byte by byte", (text) => {
  const reader = new ReplyReader();
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i++) {
    const found = reader.read(bytes.subarray(i, i + 1), 0);
    expect(found).toBe(i + 1 === bytes.length ? ReplyFound.Reply : ReplyFound.More);
  }
  expect(reader).toMatchObject({ size: bytes.length, isPush: false, isError: false, isIdle: true });
});

test("a push and an error are told apart from the rest", () => {
  const text = ">2\r\n+a\r\n-ERR b\r\n-READONLY no\r\n*1\r\n-ERR c\r\n!9\r\nLOADING x\r\n+d\r\n";
  const items = itemsOf([Buffer.from(text)]);
  expect(items.map(({ isPush, error }) => [isPush, error])).toEqual([
    [true, null],
    [false, "READONLY no"],
    [false, null],
    [false, "LOADING x"],
    [false, null],
  ]);
});

test.each([
  ["?", "unknown type"],
  ["PONG\r\n", "unknown type"],
  ["$x\r\n", "a length that is no number"],
  ["$-2\r\n", "a length out of range"],
  ["$536870913\r\n", "a length out of range"],
  ["*4294967296\r\n", "a length out of range"],
  [".\r\n", "the end of nothing"],
  ["*1\r\n.\r\n", "the end of nothing"],
  ["$?\r\n:1\r\n", "expected the next piece"],
  ["$?\r\n;-1\r\n", "a length out of range"],
  ["*?x", "expected the end of a line"],
])("%p fails", (text, why) => {
  const reader = new ReplyReader();
  expect(reader.read(Buffer.from(text), 0)).toBe(ReplyFound.Failed);
  expect(reader.error).toStartWith(why);
});

test("a reply that nests 100,000 deep fails", () => {
  const reader = new ReplyReader();
  expect(reader.read(Buffer.from("*1\r\n".repeat(100_000)), 0)).toBe(ReplyFound.Failed);
  expect(reader.error).toBe("nested too deep");
});

test("replies are found as a recursive parser finds them, whatever the pieces are", () => {
  const { reply } = fc.letrec<{ reply: string; element: string }>((tie) => ({
    element: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom("+OK", "-ERR x", ":1", "_", "#f", ",inf", "(9").map((line) => `${line}\r\n`),
      fc.string({ unit: "binary", maxLength: 9 }).map((text) => bulk("$", text)),
      fc.string({ unit: "binary", maxLength: 9 }).map((text) => bulk("=", `txt:${text}`)),
      fc.constantFrom("$-1\r\n", "*-1\r\n", "$?\r\n;2\r\nab\r\n;0\r\n", "!3\r\nE x\r\n"),
      aggregate("*", tie("reply") as fc.Arbitrary<string>, 1),
      aggregate("~", tie("reply") as fc.Arbitrary<string>, 1),
      aggregate("%", tie("reply") as fc.Arbitrary<string>, 2),
      fc
        .array(tie("reply") as fc.Arbitrary<string>, { maxLength: 3 })
        .map((all) => `*?\r\n${all.join("")}.\r\n`),
    ),
    reply: fc
      .tuple(
        fc.option(aggregate("|", tie("element") as fc.Arbitrary<string>, 2), { nil: "", freq: 1 }),
        tie("element") as fc.Arbitrary<string>,
      )
      .map(([attribute, element]) => attribute + element),
  }));
  const push = aggregate(">", reply, 1);
  const stream = fc.array(fc.oneof({ weight: 5, arbitrary: reply }, push), { maxLength: 5 });
  fc.assert(
    fc.property(stream, fc.array(fc.nat(300), { maxLength: 8 }), (parts, cuts) => {
      const bytes = Buffer.from(parts.join(""), "latin1");
      const sizes = parts.map((part) => part.length);
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length];
      places.sort((a, b) => a - b);
      const items = itemsOf(places.slice(1).map((end, i) => bytes.subarray(places[i], end)));
      expect(items.map(({ size }) => size)).toEqual(sizes);
      expect(items.map(({ isPush }) => isPush)).toEqual(parts.map((part) => part[0] === ">"));
    }),
    { numRuns: 3_000 },
  );
});

test("any bytes end in More, a reply or a failure", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
      const reader = new ReplyReader();
      let at = 0;
      while (at < bytes.length && reader.error === "") {
        reader.read(bytes, at);
        expect(reader.at).toBeGreaterThan(at);
        at = reader.at;
      }
    }),
    { numRuns: Number(process.env.RINGWAY_HOSTILE ?? 1_000) },
  );
});

function bulk(type: string, text: string): string {
  return `${type}${text.length}\r\n${text}\r\n`;
}

function aggregate(type: string, element: fc.Arbitrary<string>, times: number) {
  return fc
    .array(fc.tuple(...Array.from({ length: times }, () => element)), { maxLength: 3 })
    .map((all) => `${type}${all.length}\r\n${all.flat().join("")}`);
}

function itemsOf(chunks: readonly Uint8Array[]): Item[] {
  const reader = new ReplyReader();
  const items: Item[] = [];
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at = reader.at) {
      const found = reader.read(chunk, at);
      expect(reader.error).toBe("");
      if (found === ReplyFound.More) break;
      const { isError, isPush, size } = reader;
      items.push({ size, isPush, error: isError ? reader.errorText : null });
    }
  }
  return items;
}
