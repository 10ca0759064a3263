import { expect, test } from "bun:test";
import fc from "fast-check";
import { Mask } from "./mask.ts";

const mask = (text: string, ...secrets: string[]) =>
  Buffer.from(new Mask(secrets).over(Buffer.from(text))).toString();

test.each([
  ["-ERR wrong password hunter2!", "-ERR wrong password ***!"],
  ["hunter2hunter2", "******"],
  ["'hunter…", "'***…"],
  ["user=aHVudGVyMg==", "user=***=="],
  ["68756e74657232", "***"],
  ["-ERR hunt", "-ERR ***"],
  ["-ERR hu", "-ERR hu"],
  ["nothing", "nothing"],
])("%s", (answer, expected) => {
  expect(mask(answer, "hunter2")).toBe(expected);
});

test("what JSON and URLs make of it", () => {
  const secret = 'a"b\\c d/é';
  const forms = [
    JSON.stringify(secret),
    encodeURIComponent(secret),
    Buffer.from(secret).toString("hex").toUpperCase(),
  ];
  for (const form of forms) expect(mask(`<${form}>`, secret)).toMatch(/^<"?\*\*\*"?>$/);
});

test("a secret is not in what is left, wherever it stood and wherever the answer was cut", () => {
  const secret = fc.stringMatching(/^[\x21-\x7e]{1,20}$/);
  fc.assert(
    fc.property(fc.string(), secret, fc.string(), fc.nat(), (before, hidden, after, cut) => {
      const whole = `${before}${hidden}${after}`;
      const answer = whole.slice(0, cut % (whole.length + 1));
      const left = mask(answer, hidden).replaceAll("***", "\0");
      if (hidden.includes("*")) return;
      expect(left).not.toContain(hidden.slice(0, 6));
    }),
    { numRuns: 3_000 },
  );
});

test("of what a check sends all but commands and versions is secret", () => {
  const of = (text: string) =>
    Mask.of({ steps: [{ send: Buffer.from(text) }] } as unknown as Parameters<typeof Mask.of>[0]);
  expect(of("AUTH hunter2 x\r\nPING\r\n").overText("AUTH hunter2 x PING")).toBe("AUTH *** x PING");
  expect(of("GET /health HTTP/1.1\r\n").overText("HTTP/1.1 200 OK")).toBe("HTTP/1.1 200 OK");
});
