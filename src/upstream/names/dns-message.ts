import { formatIPv6 } from "../../base/ip.ts";

// DNS messages (RFC 1035): one question, and the answer to it.

/** The types of records that are asked for, or followed in answers. */
export const RecordType = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;
export type QuestionType = Exclude<keyof typeof RecordType, "CNAME">;

/** Response codes that ringway distinguishes. */
export const ResponseCode = {
  noError: 0,
  badFormat: 1,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
} as const;

/** A question as it was sent. */
export interface Question {
  /** 0…65,535, unguessable: it tells our answer from forged ones. */
  readonly id: number;
  /** Without a final dot. The answer must repeat it with the same case, see {@link mixedCase}. */
  readonly name: string;
  readonly type: QuestionType;
}

/** A record of the type asked for. */
export type DnsRecord =
  | { readonly type: "A" | "AAAA"; readonly host: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      /** Without a final dot; empty if the service is explicitly not available. */
      readonly target: string;
    };

/** A server's answer. */
export interface DnsAnswer {
  /** See {@link ResponseCode}. */
  readonly code: number;
  /** It did not fit into a datagram: ask again by TCP. */
  readonly isTruncated: boolean;
  /** In the server's order. */
  readonly records: readonly DnsRecord[];
  /** Seconds for which all of it is valid, aliases included; Infinity without a record. */
  readonly ttlSeconds: number;
}

const HEADER_SIZE = 12;
/** Bytes of a record with an empty name and no data. */
const OPT_SIZE = 11;
const OPT = 41;
const INTERNET = 1;
const LABEL_SIZE_MAX = 63;
/** Bytes of a name, with its length bytes and the final zero. */
const NAME_SIZE_MAX = 255;
/** A length byte with these bits begins a pointer to the rest of the name. */
const POINTER = 0xc0;
const OFFSET_BITS = 0x3fff;
/** Most jumps in one name: it has at most 127 labels, and normally jumps once. */
const HOPS_MAX = 128;
/**
 * Labels and jumps of all names of a message, beyond one for each of its bytes. A name that many
 * others point to is read once; but without a bound, each of thousands of records could have a name
 * of its own that leads through the whole message.
 */
const STEPS_SPARE = 1_024;
/** A longer chain of aliases is a mistake, or a loop. */
const ALIASES_MAX = 16;

/**
 * Randomizes the case of a name's letters. Servers ignore the case (RFC 4343) and repeat it, so it
 * adds bits that a forger would have to guess.
 */
export function mixedCase(name: string): string {
  const bits = crypto.getRandomValues(new Uint8Array(name.length));
  return Array.from(name, (letter, index) =>
    ((bits[index] as number) & 1) === 0 ? letter.toLowerCase() : letter.toUpperCase(),
  ).join("");
}

/**
 * Encodes a question.
 *
 * @param udpSize bytes of the largest datagram that may answer it (EDNS, RFC 6891); 0: not sent,
 *   which means 512
 * @returns null if DNS cannot have such a name
 */
export function encodeQuestion(
  { id, name, type }: Question,
  udpSize = 0,
): Uint8Array<ArrayBuffer> | null {
  const labels = name.split(".").map((label) => Buffer.from(label, "latin1"));
  const isRight = labels.every(({ length }) => length > 0 && length <= LABEL_SIZE_MAX);
  const nameSize = labels.reduce((size, { length }) => size + 1 + length, 1);
  if (!isRight || nameSize > NAME_SIZE_MAX) return null;
  const bytes = new Uint8Array(HEADER_SIZE + nameSize + 4 + (udpSize > 0 ? OPT_SIZE : 0));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  // Recursion desired.
  view.setUint16(2, 0x0100);
  view.setUint16(4, 1);
  let at = HEADER_SIZE;
  for (const label of labels) {
    bytes[at] = label.length;
    bytes.set(label, at + 1);
    at += 1 + label.length;
  }
  view.setUint16(at + 1, RecordType[type]);
  view.setUint16(at + 3, INTERNET);
  if (udpSize > 0) {
    view.setUint16(10, 1);
    view.setUint16(at + 6, OPT);
    view.setUint16(at + 8, udpSize);
  }
  return bytes;
}

/**
 * Decodes a message as the answer to a question.
 *
 * @param anyCase the message certainly comes from the server
 * @returns `foreign` if it does not answer this question: anyone can send us such datagrams, and
 *   the answer may still come; `altered` if only the case of letters differs: a few servers do not
 *   keep it, and a forger does not know it; `malformed` if it answers the question but cannot be
 *   read
 */
export function decodeAnswer(
  message: Uint8Array,
  question: Question,
  anyCase = false,
): DnsAnswer | "foreign" | "altered" | "malformed" {
  const reader = new Reader(message);
  try {
    if (!isAnswerTo(reader, question)) return "foreign";
    if (!anyCase && reader.u16At(4) > 0 && !reader.spells(HEADER_SIZE, question.name))
      return "altered";
  } catch (error) {
    if (error instanceof RangeError) return "foreign";
    throw error;
  }
  try {
    return readAnswer(reader, question);
  } catch (error) {
    if (error instanceof RangeError) return "malformed";
    throw error;
  }
}

function isAnswerTo(reader: Reader, { id, name, type }: Question): boolean {
  const flags = reader.u16At(2);
  if (reader.u16At(0) !== id || (flags & 0x8000) === 0) return false;
  const questions = reader.u16At(4);
  const code = flags & 0xf;
  // A server that could not read the question, or failed early, need not repeat it. NXDOMAIN is
  // about a name, so it must.
  if (questions === 0) return code !== ResponseCode.noError && code !== ResponseCode.noSuchName;
  if (questions !== 1) return false;
  reader.at = HEADER_SIZE;
  const [asked, askedType, askedClass] = [reader.name(), reader.u16(), reader.u16()];
  return asked === name.toLowerCase() && askedType === RecordType[type] && askedClass === INTERNET;
}

function readAnswer(reader: Reader, { name, type }: Question): DnsAnswer {
  const flags = reader.u16At(2);
  const [code, isTruncated] = [flags & 0xf, (flags & 0x200) !== 0];
  // A truncated message may end anywhere, and none of it is used; one without its question has
  // failed.
  const isOfUse = !isTruncated && reader.u16At(4) > 0;
  if (!isOfUse) return { code, isTruncated, records: [], ttlSeconds: Infinity };
  const found = new Map<string, { record: DnsRecord; ttl: number }[]>();
  const aliases = new Map<string, { target: string; ttl: number }>();
  for (let left = reader.u16At(6); left > 0; left--) {
    const owner = reader.name();
    const [recordType, recordClass] = [reader.u16(), reader.u16()];
    const ttl = reader.ttl();
    const size = reader.u16();
    const end = reader.at + size;
    if (end > reader.size) throw new RangeError("a record goes beyond the message");
    if (recordClass === INTERNET && recordType === RecordType.CNAME) {
      aliases.set(owner, { target: reader.name(), ttl });
      reader.expect(end);
    } else if (recordClass === INTERNET && recordType === RecordType[type]) {
      const record = reader.record(type);
      reader.expect(end);
      const others = found.get(owner);
      if (others === undefined) found.set(owner, [{ record, ttl }]);
      else others.push({ record, ttl });
    }
    reader.at = end;
  }
  return { code, isTruncated, ...followed(name.toLowerCase(), found, aliases) };
}

/** The records of the name, or of its alias; records of other names are ignored. */
function followed(
  name: string,
  found: ReadonlyMap<string, readonly { record: DnsRecord; ttl: number }[]>,
  aliases: ReadonlyMap<string, { target: string; ttl: number }>,
): Pick<DnsAnswer, "records" | "ttlSeconds"> {
  let owner = name;
  let ttlSeconds = Infinity;
  for (let count = 0; count <= ALIASES_MAX; count++) {
    const mine = found.get(owner);
    if (mine !== undefined) {
      for (const { ttl } of mine) ttlSeconds = Math.min(ttlSeconds, ttl);
      return { records: mine.map(({ record }) => record), ttlSeconds };
    }
    const alias = aliases.get(owner);
    if (alias === undefined) break;
    owner = alias.target;
    ttlSeconds = Math.min(ttlSeconds, alias.ttl);
  }
  return { records: [], ttlSeconds: Infinity };
}

/** Reads a message. Throws a RangeError for anything missing, as DataView does. */
class Reader {
  at = 0;
  readonly size: number;
  private readonly view: DataView;
  private readonly buffer: Buffer;
  /** Names that others point to, by where they begin. */
  private readonly known = new Map<number, string>();
  private stepsLeft: number;

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.size = byteLength;
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.buffer = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    this.stepsLeft = byteLength + STEPS_SPARE;
  }

  /** Whether the name at this place is spelled exactly like this. */
  spells(offset: number, name: string): boolean {
    let at = offset;
    for (const label of name.split(".")) {
      if (this.view.getUint8(at) !== label.length) return false;
      if (this.text(at + 1, label.length) !== label) return false;
      at += 1 + label.length;
    }
    return this.view.getUint8(at) === 0;
  }

  u16At(offset: number): number {
    return this.view.getUint16(offset);
  }

  u16(): number {
    this.at += 2;
    return this.view.getUint16(this.at - 2);
  }

  /** Seconds; a value with its highest bit set counts as 0 (RFC 2181 §8). */
  ttl(): number {
    this.at += 4;
    return Math.max(0, this.view.getInt32(this.at - 4));
  }

  /** Checks that the record ends here. */
  expect(end: number): void {
    if (this.at !== end) throw new RangeError("a record is longer or shorter than it says");
  }

  record(type: QuestionType): DnsRecord {
    if (type === "SRV") {
      const [priority, weight, port] = [this.u16(), this.u16(), this.u16()];
      return { type, priority, weight, port, target: this.name() };
    }
    if (type === "A") return { type, host: Array.from({ length: 4 }, () => this.u8()).join(".") };
    return { type, host: formatIPv6(Array.from({ length: 8 }, () => this.u16())) };
  }

  /**
   * Reads a name in lower case. Bytes that no host name has become `\\DDD` (RFC 4343), so that a
   * dot inside a label does not make it another name. The end of a name may be elsewhere
   * (compression), but only before it.
   */
  name(): string {
    const first = this.view.getUint8(this.at);
    if (first < POINTER) return this.nameHere();
    // Most names are just a pointer to a name that was read before.
    const target = this.u16() & OFFSET_BITS;
    const end = this.at;
    let name = this.known.get(target);
    if (name === undefined) {
      this.step();
      if (target >= end - 2) throw new RangeError("a name points forward");
      this.at = target;
      name = this.nameHere();
      this.known.set(target, name);
    }
    this.at = end;
    return name;
  }

  private nameHere(): string {
    const labels: string[] = [];
    let end = -1;
    let size = 1;
    let hops = 0;
    // Each jump must go further back than all before it, so jumps come to an end.
    let limit = this.at;
    for (;;) {
      const length = this.u8();
      if (length === 0) break;
      this.step();
      if (length >= POINTER) {
        const target = ((length << 8) | this.u8()) & OFFSET_BITS;
        if (end < 0) end = this.at;
        if (target >= limit) throw new RangeError("a name points forward");
        if (++hops > HOPS_MAX) throw new RangeError("a name jumps too often");
        this.at = target;
        limit = target;
        continue;
      }
      size += 1 + length;
      if (length > LABEL_SIZE_MAX || size > NAME_SIZE_MAX) throw new RangeError("a long name");
      labels.push(this.label(length));
    }
    if (end >= 0) this.at = end;
    return labels.join(".");
  }

  private step(): void {
    if (--this.stepsLeft < 0) throw new RangeError("names that lead through the whole message");
  }

  private u8(): number {
    return this.view.getUint8(this.at++);
  }

  private label(length: number): string {
    if (this.at + length > this.size) throw new RangeError("a label goes beyond the message");
    const text = this.text(this.at, length);
    this.at += length;
    return text.toLowerCase().replace(/[^\w-]/g, (odd) => {
      return `\\${odd.charCodeAt(0).toString().padStart(3, "0")}`;
    });
  }

  private text(offset: number, length: number): string {
    return this.buffer.toString("latin1", offset, offset + length);
  }
}
