import {
  encodeQuestion,
  type Question,
  type QuestionType,
  RecordType,
} from "../../src/upstream/names/dns-message.ts";
import { answer, encodeName, type TestRecord } from "../../src/upstream/names/test-authority.ts";
import type { Random } from "../fixtures/random.ts";

/** A whole number below another one. */
type Below = (limit: number) => number;

// DNS answers as somebody would make them who wants whoever reads them to break, or to be busy.

/** Most bytes of a message: by TCP its length has 16 bits. */
const MESSAGE_MAX = 65_535;
/** The fixed part of a record behind its name, and of data that is an IPv4 address. */
const RECORD_REST = 10;

const types: readonly QuestionType[] = ["A", "AAAA", "SRV"];

/** A message that answers this question, with so many records as raw bytes. */
function raw(question: Question, count: number, rest: Uint8Array): Buffer {
  const asked = Buffer.from(encodeQuestion(question) ?? []);
  const head = answer(asked, {}, false);
  head.writeUInt16BE(count, 6);
  return Buffer.concat([head, rest]).subarray(0, MESSAGE_MAX);
}

/**
 * As large as it can be: one record whose data is a chain of pointers, each to the one before it, and then as
 * many as fit whose names begin at the end of it.
 */
export function chained(question: Question, hops: number): Buffer {
  const empty = raw(question, 0, new Uint8Array());
  const chain = Buffer.alloc(2 * hops);
  const start = empty.length + encodeName(question.name).length + RECORD_REST;
  for (let hop = 0; hop < hops; hop++) {
    // The first one leads to the name of the question.
    chain.writeUInt16BE(0xc000 | (hop === 0 ? 12 : start + 2 * (hop - 1)), 2 * hop);
  }
  const first = record(encodeName(question.name), 16, chain);
  const last = Buffer.of(0xc0 | ((start + 2 * (hops - 1)) >> 8), (start + 2 * (hops - 1)) & 0xff);
  const one = record(last, RecordType.A, Buffer.of(10, 0, 0, 1));
  const count = Math.floor((MESSAGE_MAX - empty.length - first.length) / one.length);
  return raw(question, 1 + count, Buffer.concat([first, ...Array<Buffer>(count).fill(one)]));
}

/** As large as it can be: records whose names are a label and then a name of 126 labels. */
export function labelled(question: Question): Buffer {
  const empty = raw(question, 0, new Uint8Array());
  const long = encodeName(Array(125).fill("a").join("."));
  const first = record(long, 16, new Uint8Array());
  const pointer = Buffer.of(1, 0x62, 0xc0 | (empty.length >> 8), empty.length & 0xff);
  const one = record(pointer, RecordType.A, Buffer.of(10, 0, 0, 1));
  const count = Math.floor((MESSAGE_MAX - empty.length - first.length) / one.length);
  return raw(question, 1 + count, Buffer.concat([first, ...Array<Buffer>(count).fill(one)]));
}

/** An honest message, about as large. */
export function honest(question: Question): Buffer {
  const records: TestRecord[] = Array.from({ length: 4_000 }, (_, index) => {
    return { type: "A", host: `10.0.${index >> 8}.${index & 0xff}`, ttl: 60 };
  });
  return answer(Buffer.from(encodeQuestion(question) ?? []), { records }, false);
}

/** Any of the ways to be hostile, or several of them. */
export function hostileAnswer(random: Random): { question: Question; message: Buffer } {
  const below: Below = (limit) => Math.floor(random() * limit);
  const type = types[below(types.length)] as QuestionType;
  const question: Question = { id: below(65_536), name: "a.test", type };
  return { question, message: hostileTo(question, below) };
}

function hostileTo(question: Question, below: Below): Buffer {
  switch (below(5)) {
    case 0:
      return raw(question, below(65_536), bytes(below, below(600)));
    case 1:
      return mutated(right(question, below), below);
    case 2: {
      const whole = right(question, below);
      return whole.subarray(0, below(whole.length + 1));
    }
    case 3:
      return mutated(chained(question, 1 + below(200)).subarray(0, 2_000), below);
    default:
      return pointing(question, below);
  }
}

/** Names that are labels and pointers to anywhere. */
function pointing(question: Question, below: Below): Buffer {
  const parts: Buffer[] = [];
  const count = 1 + below(30);
  for (let left = count; left > 0; left--) {
    const labels = Buffer.concat(
      Array.from({ length: below(4) }, () => {
        const size = 1 + below(20);
        return Buffer.concat([Buffer.of(size), bytes(below, size)]);
      }),
    );
    const name = Buffer.concat([labels, Buffer.of(0xc0 | below(4), below(256))]);
    const isAlias = below(2) === 0;
    parts.push(
      isAlias
        ? record(name, RecordType.CNAME, name)
        : record(name, RecordType[question.type], name),
    );
  }
  return raw(question, count, Buffer.concat(parts));
}

function right(question: Question, below: Below): Buffer {
  const records: TestRecord[] = Array.from({ length: below(12) }, (_, index) => {
    const ttl = below(2 ** 32);
    const owner = below(2) === 0 ? "a.test" : `${index}.a.test`;
    switch (below(4)) {
      case 0:
        return { type: "CNAME", owner, target: `${below(12)}.a.test`, ttl };
      case 1:
        return { type: "A", owner, host: "10.0.0.1", ttl };
      case 2:
        return { type: "AAAA", owner, host: "::ffff:127.0.0.1", ttl };
      default: {
        const port = below(65_536);
        return { type: "SRV", owner, target: "127.0.0.1", port, priority: 0, weight: 1, ttl };
      }
    }
  });
  return answer(Buffer.from(encodeQuestion(question) ?? []), { records }, false);
}

function mutated(message: Buffer, below: Below): Buffer {
  const copy = Buffer.from(message);
  for (let left = below(9); left > 0; left--) {
    copy[12 + below(copy.length - 12)] = below(256);
  }
  return copy;
}

function record(owner: Uint8Array, type: number, data: Uint8Array): Buffer {
  const fixed = Buffer.alloc(RECORD_REST);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(60, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fixed, data]);
}

function bytes(below: Below, size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => below(256)));
}
