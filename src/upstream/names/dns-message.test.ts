import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeAnswer, encodeQuestion, type Question } from "./dns-message.ts";
import { answer, encodeName, type TestRecord } from "./test-authority.ts";

const question: Question = { id: 0x1234, name: "a.test", type: "A" };

function asked(one: Question): Buffer {
  return Buffer.from(encodeQuestion(one) ?? []);
}

function decoded(records: readonly TestRecord[], one = question) {
  return decodeAnswer(answer(asked(one), { records }, true), one);
}

test("a question is what RFC 1035 says", () => {
  expect(asked(question).toString("hex")).toBe(
    "12340100000100000000000001610474657374000001" + "0001",
  );
});

test("a question that says how large an answer may be is what RFC 6891 says", () => {
  expect(Buffer.from(encodeQuestion(question, 1_232) ?? []).toString("hex")).toBe(
    "12340100000100000000000101610474657374000001" + "0001" + "00002904d0000000000000",
  );
});

test("only an error need not repeat the question", () => {
  const bare = (code: number) =>
    decodeAnswer(answer(asked(question), { code, isBare: true }, true), question);
  expect(bare(0)).toBe("foreign");
  expect(bare(1)).toEqual({ code: 1, isTruncated: false, records: [], ttlSeconds: Infinity });
  expect(bare(2)).toMatchObject({ code: 2 });
  // Of which name would that be?
  expect(bare(3)).toBe("foreign");
});

test("a dot inside a label makes no other name of it", () => {
  const srv = { ...question, type: "SRV" } as const;
  const record = { type: "SRV", target: "a.b", port: 1, priority: 2, weight: 3, ttl: 60 } as const;
  const message = answer(asked(srv), { records: [record] }, true);
  // The labels "a" and "b" become one, "a.b".
  message.set(Buffer.from([3, 0x61, 0x2e, 0x62]), message.length - 5);
  expect(decodeAnswer(message, srv)).toMatchObject({ records: [{ target: "a\\046b" }] });
});

test.each(["", ".", "a..b", ".a", `${"x".repeat(64)}.test`, Array(128).fill("a").join(".")])(
  "nobody can be asked for %j",
  (name) => expect(encodeQuestion({ ...question, name })).toBeNull(),
);

test("the longest name can be asked for", () => {
  const name = Array(127).fill("a").join(".");
  expect(encodeQuestion({ ...question, name })).toHaveLength(12 + 255 + 4);
});

test("addresses, with the least of their TTLs", () => {
  expect(
    decoded([
      { type: "A", host: "10.0.0.1", ttl: 60 },
      { type: "A", host: "10.0.0.2", ttl: 30 },
    ]),
  ).toEqual({
    code: 0,
    isTruncated: false,
    records: [
      { type: "A", host: "10.0.0.1" },
      { type: "A", host: "10.0.0.2" },
    ],
    ttlSeconds: 30,
  });
  expect(
    decoded([{ type: "AAAA", host: "2001:db8::1", ttl: 1 }], { ...question, type: "AAAA" }),
  ).toMatchObject({ records: [{ type: "AAAA", host: "2001:db8::1" }] });
});

test("an alias is followed, whatever the order of the records, and its TTL counts", () => {
  expect(
    decoded([
      { type: "A", owner: "c.test", host: "10.0.0.9", ttl: 60 },
      { type: "CNAME", owner: "B.test", target: "C.TEST", ttl: 7 },
      { type: "CNAME", target: "b.test", ttl: 9 },
    ]),
  ).toMatchObject({ records: [{ type: "A", host: "10.0.0.9" }], ttlSeconds: 7 });
});

test("aliases in a circle lead nowhere", () => {
  const records: TestRecord[] = [
    { type: "CNAME", target: "b.test", ttl: 9 },
    { type: "CNAME", owner: "b.test", target: "a.test", ttl: 9 },
  ];
  expect(decoded(records)).toMatchObject({ records: [], ttlSeconds: Infinity });
});

test("what belongs to another name is not taken", () => {
  expect(decoded([{ type: "A", owner: "bank.test", host: "10.0.0.9", ttl: 60 }])).toMatchObject({
    records: [],
  });
});

test("a TTL with its highest bit set is none", () => {
  expect(decoded([{ type: "A", host: "10.0.0.1", ttl: 0x8000_0001 }])).toMatchObject({
    ttlSeconds: 0,
  });
});

test("an answer to another question is foreign: its number, its name, its type, no answer at all", () => {
  const reply = { records: [{ type: "A", host: "10.0.0.1", ttl: 60 }] } as const;
  const message = answer(asked(question), reply, true);
  expect(decodeAnswer(message, { ...question, id: 0x1235 })).toBe("foreign");
  expect(decodeAnswer(message, { ...question, name: "b.test" })).toBe("foreign");
  expect(decodeAnswer(message, { ...question, type: "AAAA" })).toBe("foreign");
  expect(decodeAnswer(asked(question), question)).toBe("foreign");
  expect(decodeAnswer(Buffer.from("hello"), question)).toBe("foreign");
});

test("an answer that spells the name otherwise is told apart", () => {
  const message = answer(asked(question), {}, true);
  const shouted = { ...question, name: "A.tEST" };
  expect(decodeAnswer(message, shouted)).toBe("altered");
  expect(decodeAnswer(message, shouted, true)).toMatchObject({ code: 0 });
  expect(decodeAnswer(answer(asked(shouted), {}, true), shouted)).toMatchObject({ code: 0 });
});

test("what is cut off is malformed, wherever that is; unless it says so", () => {
  const records: TestRecord[] = [
    { type: "CNAME", target: "b.test", ttl: 9 },
    { type: "A", owner: "b.test", host: "10.0.0.9", ttl: 60 },
  ];
  const whole = answer(asked(question), { records }, true);
  const head = 12 + encodeName(question.name).length + 4;
  for (let size = head; size < whole.length; size++) {
    expect(decodeAnswer(whole.subarray(0, size), question)).toBe("malformed");
  }
  whole[2] = (whole[2] as number) | 0x02;
  expect(decodeAnswer(whole.subarray(0, head + 5), question)).toMatchObject({ isTruncated: true });
});

test("names that point at themselves, or forward, end", () => {
  const head = answer(asked(question), {}, true);
  head.writeUInt16BE(1, 6);
  for (const offset of [0, 2, 20]) {
    const pointer = Buffer.alloc(2);
    pointer.writeUInt16BE(0xc000 | (head.length + offset));
    const rest = Buffer.from([0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]);
    expect(decodeAnswer(Buffer.concat([head, pointer, rest]), question)).toBe("malformed");
  }
});

test("whatever comes is read to an end", () => {
  const types = fc.constantFrom("A" as const, "AAAA" as const, "SRV" as const);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), types, (bytes, type) => {
      const one = { ...question, type };
      const head = answer(asked(one), {}, true);
      head.writeUInt16BE(7, 6);
      const message = Buffer.concat([head, bytes]);
      const outcome = decodeAnswer(message, one);
      if (typeof outcome === "string") return;
      for (const record of outcome.records) expect(record.type).toBe(type);
    }),
    { numRuns: 2_000 },
  );
});

test("a right message with wrong bytes is read to an end", () => {
  const records: TestRecord[] = [
    { type: "CNAME", target: "b.test", ttl: 9 },
    { type: "SRV", owner: "b.test", target: "c.test", port: 1, priority: 2, weight: 3, ttl: 60 },
  ];
  const one = { ...question, type: "SRV" } as const;
  const whole = answer(asked(one), { records }, true);
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
      const message = Buffer.from(whole);
      for (const [at, byte] of changes) message[at] = byte;
      decodeAnswer(message, one);
    }),
    { numRuns: 2_000 },
  );
});
