import { expect, test } from "bun:test";
import fc from "fast-check";
import { splitInline } from "./inline.ts";
import { Found, KEPT_BYTES_MAX, RequestReader } from "./request-reader.ts";

/** One thing that a stream has: the bytes of it, and what the reader found. */
interface Item {
  readonly found: Found;
  readonly size: number;
  readonly args: readonly string[];
  readonly error?: string;
}

const ALL = () => Infinity;

test.each([
  ["*1\r\n$4\r\nPING\r\n", ["PING"]],
  ["*2\r\n$3\r\nGET\r\n$0\r\n\r\n", ["GET", ""]],
  ["PING\r\n", ["PING"]],
  ['SET a "x y\\n"\n', ["SET", "a", "x y\n"]],
  // As isspace() has it, but for the end of a word.
  ["\v\fFLUSHALL \vASYNC\n", ["FLUSHALL", "ASYNC"]],
  ["GET a\vb\f\n", ["GET", "a\vb\f"]],
  ['GET "a"\v"b"\n', ["GET", "a", "b"]],
])("%j is one request", (text, args) => {
  const items = itemsOf([Buffer.from(text)]);
  expect(items).toEqual([{ found: Found.Request, size: text.length, args }]);
});

test.each([
  ["*2147483648\r\n", "invalid multibulk length"],
  ["*01\r\n", "invalid multibulk length"],
  ["*1\r$4\r\nPING\r\n", "invalid multibulk length"],
  ["*1\n$4\r\nPING\r\n", "invalid multibulk length"],
  ["*1\r\n:4\r\n", "expected '$', got ':'"],
  ["*1\r\n\r\n", "expected '$', got ' '"],
  ["*1\r\n$-1\r\n", "invalid bulk length"],
  ["*1\r\n$536870913\r\n", "invalid bulk length"],
  ["*1\r\n$+4\r\nPING\r\n", "invalid bulk length"],
  [`*1\r\n$${"1".repeat(100)}\r\n`, "invalid bulk length"],
  ['"PING\r\n', "unbalanced quotes in request"],
  ["PING\0\r\n", "invalid byte in inline request"],
])("%p fails", (text, why) => {
  const error = `Protocol error: ${why}`;
  expect(itemsOf([Buffer.from(text)]).at(-1)).toMatchObject({ found: Found.Failed, error });
});

test("an inline request of more than 64 KiB fails", () => {
  const [item] = itemsOf([Buffer.from("x".repeat(70_000))]);
  expect(item?.error).toBe("Protocol error: too big inline request");
});

test.each(["\r\n", "\n", "*0\r\n", "*-1\r\n", "  \r\n", "\v\f\r\n"])("%j is no request", (text) => {
  const items = itemsOf([Buffer.from(text), Buffer.from("PING\r\n")]);
  expect(items.map(({ found }) => found)).toEqual([Found.Nothing, Found.Request]);
});

test("a value of 512 MiB passes without being kept", () => {
  const reader = new RequestReader(() => 2);
  const value = 512 * 1024 * 1024;
  const head = `*3\r\n$3\r\nSET\r\n$1\r\na\r\n$${value}\r\n`;
  expect(reader.read(Buffer.from(head), 0)).toBe(Found.More);
  expect(reader.expectedSize).toBe(head.length + value + 2);
  const chunk = new Uint8Array(1024 * 1024);
  for (let i = 0; i < 512; i++) expect(reader.read(chunk, 0)).toBe(Found.More);
  expect(reader.read(Buffer.from("\r\n"), 0)).toBe(Found.Request);
  expect(reader.args.map(text)).toEqual(["SET", "a"]);
});

test("of a long argument that is wanted the beginning is kept", () => {
  const long = "k".repeat(10_000);
  const [item] = itemsOf([Buffer.from(array(["GET", long]))]);
  expect(item?.args).toEqual(["GET", long.slice(0, KEPT_BYTES_MAX)]);
});

test("2^31 - 1 arguments take no memory", () => {
  const reader = new RequestReader(() => 1);
  reader.read(Buffer.from("*2147483647\r\n$4\r\nMGET\r\n"), 0);
  const args = Buffer.from("$1\r\na\r\n".repeat(1_000));
  for (let i = 0; i < 1_000; i++) expect(reader.read(args, 0)).toBe(Found.More);
  expect(reader.args).toHaveLength(1);
});

test("requests are found as a parser of whole texts finds them, whatever the pieces are", () => {
  const word = fc.string({ unit: "binary", maxLength: 20 });
  const quoted = fc.constantFrom("PING", 'a "b c"', "x 'y z'", '"\\x41"', "'", '"', "a\0b");
  const item = fc.oneof(
    { weight: 4, arbitrary: fc.array(word, { minLength: 1, maxLength: 5 }).map(array) },
    { weight: 2, arbitrary: quoted.map((line) => `${line}\r\n`) },
    fc.constantFrom(
      "\r\n",
      "*0\r\n",
      "*-1\r\n",
      "*1\r\n$x\r\n",
      "*1\r\n+",
      "*-0\r\n",
      "*1\r\n$01\r\n",
    ),
    fc.string({ unit: "binary", maxLength: 12 }),
  );
  const stream = fc.tuple(
    fc.array(item, { maxLength: 6 }),
    fc.array(fc.nat(200), { maxLength: 8 }),
  );
  fc.assert(
    fc.property(stream, ([parts, cuts]) => {
      const bytes = Buffer.from(parts.join(""), "latin1");
      expect(itemsOf(pieces(bytes, cuts))).toEqual(naive(bytes));
    }),
    { numRuns: 5_000 },
  );
});

function array(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg, "latin1")}\r\n${arg}\r\n`).join("")}`;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length];
  places.sort((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

/** What the reader finds in these pieces, up to where it fails. */
function itemsOf(chunks: readonly Uint8Array[]): Item[] {
  const reader = new RequestReader(ALL);
  const items: Item[] = [];
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at = reader.at) {
      const found = reader.read(chunk, at);
      if (found === Found.More) break;
      const { error, size } = reader;
      const args = found === Found.Request ? reader.args.map(text) : [];
      items.push({ found, size, args, ...(found === Found.Failed ? { error } : {}) });
      if (found === Found.Failed) return items;
    }
  }
  return items;
}

/** The same from the whole stream, by text functions. */
function naive(bytes: Buffer): Item[] {
  const items: Item[] = [];
  let rest = bytes.toString("latin1");
  for (;;) {
    const item = rest === "" ? null : rest[0] === "*" ? naiveArray(rest) : naiveInline(rest);
    if (item === null) return items;
    items.push(item);
    if (item.found === Found.Failed) return items;
    rest = rest.slice(item.size);
  }
}

function failed(size: number, why: string): Item {
  return { found: Found.Failed, size, args: [], error: `Protocol error: ${why}` };
}

function naiveInline(rest: string): Item | null {
  const end = rest.indexOf("\n");
  const line = end < 0 ? rest : rest.slice(0, end);
  const nul = line.indexOf("\0");
  if (nul >= 0) return failed(nul + 1, "invalid byte in inline request");
  if (end < 0) return null;
  const args = splitInline(Buffer.from(line.replace(/\r$/, ""), "latin1"));
  if (args === undefined) return failed(end + 1, "unbalanced quotes in request");
  const found = args.length === 0 ? Found.Nothing : Found.Request;
  return { found, size: end + 1, args: args.map(text) };
}

/** The number behind `rest[at]`; null when it is not whole, else where a wrong byte stands. */
function naiveNumber(rest: string, at: number): { value: number; end: number } | number | null {
  const line = /^(-?(?:0|[1-9]\d{0,14}))\r\n/.exec(rest.slice(at));
  if (line !== null && line[1] !== "-0") {
    return { value: Number(line[1]), end: at + line[0].length };
  }
  for (let size = 1; at + size <= rest.length; size++) {
    const part = rest.slice(at, at + size);
    if (!/^(-|-?(0|[1-9]\d{0,14})\r?|)$/.test(part) || part.startsWith("-0")) return at + size;
  }
  return null;
}

function naiveArray(rest: string): Item | null {
  const count = naiveNumber(rest, 1);
  if (count === null) return null;
  if (typeof count === "number") return failed(count, "invalid multibulk length");
  if (count.value > 2 ** 31 - 1) return failed(count.end, "invalid multibulk length");
  if (count.value <= 0) return { found: Found.Nothing, size: count.end, args: [] };
  const args: string[] = [];
  let at = count.end;
  for (let i = 0; i < count.value; i++) {
    if (at >= rest.length) return null;
    if (rest[at] !== "$") {
      const shown = /[!-~]/.test(rest[at] as string) ? rest[at] : " ";
      return failed(at + 1, `expected '$', got '${shown}'`);
    }
    const length = naiveNumber(rest, at + 1);
    if (length === null) return null;
    if (typeof length === "number") return failed(length, "invalid bulk length");
    const isOutside = length.value < 0 || length.value > 512 * 1024 * 1024;
    if (isOutside) return failed(length.end, "invalid bulk length");
    if (rest.length < length.end + length.value + 2) return null;
    args.push(rest.slice(length.end, length.end + length.value));
    at = length.end + length.value + 2;
  }
  return { found: Found.Request, size: at, args };
}
