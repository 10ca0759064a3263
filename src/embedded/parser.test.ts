import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Gather } from "./gather.ts";
import { Parsed, RequestParser } from "./parser.ts";

/** Feeds `chunks` and collects what comes out: each request as latin1 words, and the error. */
function parse(chunks: readonly Buffer[]): { requests: string[][]; error: string } {
  const parser = new RequestParser();
  const requests: string[][] = [];
  for (const chunk of chunks) {
    parser.feed(chunk);
    // Every request consumes at least one byte, so more answers than bytes would be a hang.
    for (let calls = 0; ; calls++) {
      expect(calls).toBeLessThanOrEqual(chunk.length + 1);
      if (parser.next() !== Parsed.Request) break;
      requests.push(parser.args.map((arg) => arg.toString("latin1")));
    }
  }
  return { requests, error: parser.error };
}

function parseText(text: string) {
  return parse([Buffer.from(text, "latin1")]);
}

/** Cuts `bytes` at `cuts`, taken modulo the length; equal cuts give empty chunks. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  const bounds = [0, ...places, bytes.length];
  // Each chunk gets memory of its own, as chunks of a socket have.
  return bounds.slice(1).map((end, i) => Buffer.from(bytes.subarray(bounds[i], end)));
}

function encodeArray(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}

/** Writes an inline command in which every byte that is not a letter or digit is escaped. */
function encodeInline(args: readonly string[]): string {
  const hex = (c: string) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return `${args.map((arg) => `"${arg.replace(/[^a-z0-9]/gi, hex)}"`).join(" \t")}\r\n`;
}

const bytesArgument = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"));
const request = fc.array(bytesArgument, { minLength: 1, maxLength: 6 });
const cuts = fc.array(fc.nat(), { maxLength: 30 });

describe("pipelines", () => {
  test("any split of any pipeline gives the same requests", () => {
    const pipeline = fc.array(fc.tuple(request, fc.boolean()), { maxLength: 12 });
    fc.assert(
      fc.property(pipeline, cuts, (requests, places) => {
        const text = requests
          .map(([args, inline]) => (inline ? encodeInline(args) : encodeArray(args)))
          .join("");
        const found = parse(split(Buffer.from(text, "latin1"), places));
        expect(found).toEqual({ requests: requests.map(([args]) => args), error: "" });
      }),
    );
  });

  test("one byte at a time gives the same requests", () => {
    const text = `${encodeArray(["SET", "k", "v\r\n"])}PING\r\n\r\n*0\r\n*-1\r\nget "a b"\n`;
    const bytes = Buffer.from(text, "latin1");
    const requests = [["SET", "k", "v\r\n"], ["PING"], ["get", "a b"]];
    const chunks = split(
      bytes,
      [...bytes].map((_, i) => i),
    );
    expect(parse(chunks)).toEqual({ requests, error: "" });
  });

  test("input that is fed before the earlier one is consumed is kept in order", () => {
    const parser = new RequestParser();
    parser.feed(Buffer.from("PING 1\r\nPING 2\r\nPI"));
    expect(parser.next()).toBe(Parsed.Request);
    parser.feed(Buffer.from("NG 3\r\n"));
    const seen: string[] = [];
    while (parser.next() === Parsed.Request) seen.push(String(parser.args[1]));
    expect(seen).toEqual(["2", "3"]);
  });
});

describe("garbage", () => {
  const fragments = fc.constantFrom("*", "$", "\r\n", "\n", "\r", "1", "3", "-1", "0", '"', "'");
  const words = fc.constantFrom("\\x4", "\\", " ", "GET", "*2\r\n", "$3\r\nabc\r\n", "999999999");
  const soup = fc
    .array(fc.oneof(fragments, words, bytesArgument), { maxLength: 40 })
    .map((parts) => Buffer.from(parts.join(""), "latin1"));

  test("never throws or hangs, and any split gives the same answer", () => {
    fc.assert(
      fc.property(soup, cuts, (bytes, places) => {
        expect(parse(split(bytes, places))).toEqual(parse([bytes]));
      }),
      { numRuns: 2000 },
    );
  });

  test("after an error nothing is parsed any more", () => {
    const parser = new RequestParser();
    parser.feed(Buffer.from("*x\r\nPING\r\n"));
    expect(parser.next()).toBe(Parsed.Failed);
    parser.feed(Buffer.from("PING\r\n"));
    expect(parser.next()).toBe(Parsed.Failed);
    expect(parser.args).toEqual([]);
  });
});

describe("protocol errors, in Redis' words", () => {
  const long = 64 * 1024 + 1;
  test.each([
    ["*a\r\n", "invalid multibulk length"],
    ["*+1\r\n", "invalid multibulk length"],
    ["*01\r\n", "invalid multibulk length"],
    ["*-0\r\n", "invalid multibulk length"],
    ["*\r\n", "invalid multibulk length"],
    ["*1\n", "invalid multibulk length"],
    ["*1048577\r\n", "invalid multibulk length"],
    ["*99999999999999999999\r\n", "invalid multibulk length"],
    ["*1\r\nPING\r\n", "expected '$', got 'P'"],
    ["*1\r\n\r\n", "expected '$', got ' '"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    ["*1\r\n$ 4\r\n", "invalid bulk length"],
    ["*1\r\n$536870913\r\n", "invalid bulk length"],
    ['set a "b\r\n', "unbalanced quotes in request"],
    ['set a "b"c\r\n', "unbalanced quotes in request"],
    ["set a 'b\r\n", "unbalanced quotes in request"],
    ["x".repeat(long), "too big inline request"],
    [`${"x".repeat(long)}\r\n`, "too big inline request"],
    [`*${"1".repeat(long)}`, "too big mbulk count string"],
    [`*1\r\n$${"1".repeat(long)}`, "too big bulk count string"],
  ])("%p", (text, reason) => {
    expect(parseText(text)).toEqual({ requests: [], error: `Protocol error: ${reason}` });
  });

  test("the limits themselves are accepted", () => {
    expect(parseText("*1048576\r\n").error).toBe("");
    expect(parseText("*1\r\n$536870912\r\n").error).toBe("");
    const word = "x".repeat(long - 2);
    expect(parseText(`${word}\r\n`).requests).toEqual([[word]]);
  });
});

describe("inline commands", () => {
  test.each([
    ["PING", ["PING"]],
    ["  set\ta  b ", ["set", "a", "b"]],
    ['"a\\x41\\n\\t\\"b" \'\\\'x\\n\' ""', ['aA\n\t"b', "'x\\n", ""]],
    ['a"b"', ["ab"]],
    ['"\\x4g\\q\\\\"', ["x4gq\\"]],
  ])("%p", (line, words) => {
    expect(parseText(`${line}\r\n`)).toEqual({ requests: [words], error: "" });
    expect(parseText(`${line}\n`)).toEqual({ requests: [words], error: "" });
  });

  test("blank lines are no requests", () => {
    expect(parseText("\r\n \r\n\n\t\n")).toEqual({ requests: [], error: "" });
  });
});

describe("memory", () => {
  test("an announced size costs nothing until the bytes arrive", () => {
    const gather = new Gather();
    gather.append(Buffer.from("abc"), 512 * 1024 * 1024);
    expect(gather.take().buffer.byteLength).toBe(64);
  });

  test("a buffer is at most twice what arrived, and in the end exactly the size announced", () => {
    const size = 1_000_003;
    const gather = new Gather();
    for (let left = size; left > 0; left -= Math.min(left, 1000)) {
      gather.append(Buffer.alloc(Math.min(left, 1000)), size);
    }
    const taken = gather.take();
    expect([taken.length, taken.buffer.byteLength]).toEqual([size, size]);
    expect(gather.length).toBe(0);
  });

  test("a large value in many chunks takes linear time", () => {
    const size = 16 * 1024 * 1024;
    const parser = new RequestParser();
    parser.feed(Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${size}\r\n`));
    const chunk = Buffer.alloc(64, "z");
    // Were each chunk to copy all earlier ones, this would move two terabytes and exceed the time
    // limit.
    for (let sent = 0; sent < size; sent += chunk.length) {
      parser.feed(chunk);
      if (parser.next() !== Parsed.Incomplete) throw new Error("a request came too early");
    }
    parser.feed(Buffer.from("\r\n"));
    expect(parser.next()).toBe(Parsed.Request);
    expect(parser.args[2]?.equals(Buffer.alloc(size, "z"))).toBe(true);
  });
});
