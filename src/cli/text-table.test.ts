import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Column, clip, clipAddress, layOut, widthOf } from "./text-table.ts";

const columns: readonly Column[] = [
  { title: "name", least: 4 },
  { title: "size", isFigure: true, usual: 6 },
  { title: "why", least: 3, rank: 1 },
];

test("texts to the left, figures to the right, as wide as they need to be", () => {
  expect(layOut(columns, [["a-long-name", "1", "because"], ["b"]])).toEqual([
    "name           size  why",
    "a-long-name       1  because",
    "b",
  ]);
});

test("what has no room is cut, the widest first, and left out by rank", () => {
  const rows = [["a-long-name", "1", "because"]];
  expect(layOut(columns, rows, 20)).toEqual(["name     size  why", "a-lo…       1  beca…"]);
  expect(layOut(columns, rows, 12)).toEqual(["name    size", "a-l…       1"]);
  expect(layOut(columns, rows, 5)).toEqual(["name", "a-lo…"]);
  expect(layOut(columns, rows, 0)).toEqual(["", ""]);
});

test("a text is cut to columns of a terminal, not to characters", () => {
  expect(clip("abc", 3)).toBe("abc");
  expect(clip("abcd", 3)).toBe("ab…");
  expect(clip("日本語", 5)).toBe("日本…");
  expect(clip("日本語", 4)).toBe("日…");
});

test("whatever is in the cells, lines fit and have nothing that a terminal obeys", () => {
  const cell = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\u001b[2J", "\u009b5m", "\r\n"),
  );
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { maxLength: 3 }), { maxLength: 10 }),
      fc.nat(60),
      (rows, width) => {
        const lines = layOut(columns, rows, width);
        expect(lines).toHaveLength(rows.length + 1);
        for (const line of lines) {
          expect(widthOf(line)).toBeLessThanOrEqual(width);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("an address is cut before its port, and never within", () => {
  const long = "a-host-with-a-long-name.example.org:6379";
  const columns = [{ title: "upstream", least: 12, isAddress: true }, { title: "state" }];
  expect(
    layOut(
      columns,
      [
        [long, "ready"],
        ["10.0.0.5:65535", "ready"],
      ],
      22,
    ),
  ).toEqual(["upstream         state", "a-host-wi…:6379  ready", "10.0.0.5:65535   ready"]);
  expect(clipAddress("unix:/run/a-long-folder/redis.sock", 16)).toBe("unix:/r…dis.sock");
  expect(clipAddress("[2001:db8::1]:6379", 12)).toBe("[2001:…:6379");
});
