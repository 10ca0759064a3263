import { parseIPv4, parseIPv6 } from "../../base/ip.ts";
import { RecordType } from "./dns-message.ts";
import type { DnsServer } from "./dns-server.ts";

/** A record of a test authority. TTLs in seconds. */
export type TestRecord = { readonly ttl: number; readonly owner?: string } & (
  | { readonly type: "A" | "AAAA"; readonly host: string }
  | { readonly type: "CNAME"; readonly target: string }
  | {
      readonly type: "SRV";
      readonly target: string;
      readonly port: number;
      readonly priority: number;
      readonly weight: number;
    }
);

/** How an authority answers a question. */
export interface TestReply {
  readonly records?: readonly TestRecord[];
  /** The response code; default 0. */
  readonly code?: number;
  /** Too long for UDP, where the answer is truncated. */
  readonly isLong?: boolean;
  /** Too long for TCP as well. */
  readonly isEndless?: boolean;
  /** The answer does not repeat the question. */
  readonly isBare?: boolean;
  /** The answer repeats the question in lower case. */
  readonly isSmall?: boolean;
  /** There is no answer. */
  readonly isSilent?: boolean;
  /** Datagrams to send before the answer, or instead of it if it is silent. */
  readonly before?: (question: Buffer) => readonly Uint8Array[];
  /** By TCP in pieces of one byte, or the connection is closed without an answer. */
  readonly tcp?: "slow" | "closed";
}

/** A question that an authority got. */
export interface Asked {
  /** In lower case. */
  readonly name: string;
  /** As it was sent. */
  readonly spelled: string;
  /** The number in the message. */
  readonly type: number;
  readonly by: "udp" | "tcp";
  /** Bytes of the largest datagram that the client accepts (EDNS); 0 if it did not say. */
  readonly udpSize: number;
}

/** The state of a client that asks by TCP. */
interface TcpClient {
  received: Buffer;
  unsent: Buffer;
}

interface TcpSocket {
  data: TcpClient;
  write(bytes: Uint8Array): number;
  end(): void;
}

/** Writes a large answer piece by piece, as the kernel takes it. */
function flush(socket: TcpSocket): void {
  const { unsent } = socket.data;
  if (unsent.length === 0) return;
  socket.data.unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
}

/** A DNS server on loopback that answers as a test says. Unknown names are NXDOMAIN. */
export class TestAuthority implements Disposable {
  readonly asked: Asked[] = [];
  private readonly replies = new Map<string, TestReply | (() => TestReply)>();

  private constructor(
    private readonly host: string,
    private readonly udp: Bun.udp.Socket<"buffer">,
    private tcp: { stop(force: boolean): void } | null,
  ) {}

  static async start(hostname = "127.0.0.1"): Promise<TestAuthority> {
    // Both need the same port, and the one that UDP got may be taken for TCP.
    for (;;) {
      const udp = await Bun.udpSocket({
        hostname,
        port: 0,
        socket: { data: (_, bytes, port, host) => authority.hear(bytes, port, host) },
      });
      const authority = new TestAuthority(hostname, udp, null);
      try {
        authority.listen();
        return authority;
      } catch {
        udp.close();
      }
    }
  }

  /** Its address, for clients. */
  get server(): DnsServer {
    return { host: this.host, port: this.udp.port };
  }

  /** Sets its reply to questions for such records of the name. */
  knows(name: string, type: keyof typeof RecordType, reply: TestReply | (() => TestReply)): void {
    this.replies.set(`${name} ${RecordType[type]}`, reply);
  }

  /** Sets the addresses of a name. */
  addresses(name: string, hosts: readonly string[], ttl: number): void {
    const all = hosts.map((host) => {
      return { type: host.includes(":") ? ("AAAA" as const) : ("A" as const), host, ttl };
    });
    for (const type of ["A", "AAAA"] as const) {
      this.knows(name, type, { records: all.filter((one) => one.type === type) });
    }
  }

  /** How often it was asked for the name, by UDP or TCP. */
  count(name: string): number {
    return this.asked.filter((one) => one.name === name).length;
  }

  [Symbol.dispose](): void {
    this.udp.close();
    this.tcp?.stop(true);
  }

  private listen(): void {
    this.tcp = Bun.listen<TcpClient>({
      hostname: this.host,
      port: this.udp.port,
      socket: {
        open(socket) {
          socket.data = { received: Buffer.alloc(0), unsent: Buffer.alloc(0) };
        },
        drain: flush,
        data: (socket, bytes) => {
          const received = Buffer.concat([socket.data.received, bytes]);
          socket.data.received = received;
          if (received.length < 2 || received.length < 2 + received.readUInt16BE()) return;
          void this.answerByTcp(received.subarray(2), socket);
        },
      },
    });
  }

  private hear(question: Buffer, port: number, host: string): void {
    const reply = this.replyTo(question, "udp");
    for (const datagram of reply.before?.(question) ?? []) this.udp.send(datagram, port, host);
    if (reply.isSilent !== true) this.udp.send(answer(question, reply, true), port, host);
  }

  private async answerByTcp(question: Buffer, socket: TcpSocket): Promise<void> {
    const reply = this.replyTo(question, "tcp");
    if (reply.tcp === "closed") return void socket.end();
    if (reply.isSilent === true) return;
    const message = answer(question, reply, false);
    const framed = Buffer.concat([u16(message.length), message]);
    if (reply.tcp !== "slow") {
      socket.data.unsent = framed;
      return flush(socket);
    }
    for (const byte of framed) {
      socket.write(Uint8Array.of(byte));
      await Bun.sleep(0);
    }
  }

  private replyTo(question: Buffer, by: Asked["by"]): TestReply {
    const { name, spelled, type, udpSize } = asked(question);
    this.asked.push({ name, spelled, type, by, udpSize });
    const reply = this.replies.get(`${name} ${type}`) ?? { code: 3 };
    return typeof reply === "function" ? reply() : reply;
  }
}

/** Encodes the answer to a question's message. */
export function answer(question: Buffer, reply: TestReply, isUdp: boolean): Buffer {
  const { code = 0, records = [], isLong = false, isEndless = false, isBare = false } = reply;
  const { isSmall = false } = reply;
  const isCut = isEndless || (isLong && isUdp);
  const told = isCut ? [] : records;
  return Buffer.concat([
    question.subarray(0, 2),
    u16(0x8180 | (isCut ? 0x200 : 0) | code),
    u16(isBare ? 0 : 1),
    u16(told.length),
    u16(0),
    u16(0),
    isSmall && !isBare
      ? Buffer.from(question.toString("latin1", 12, asked(question).end).toLowerCase(), "latin1")
      : question.subarray(12, isBare ? 12 : asked(question).end),
    ...told.map(encodeRecord),
  ]);
}

/** Encodes a name without compression. */
export function encodeName(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
    Buffer.of(0),
  ]);
}

function encodeRecord(record: TestRecord): Buffer {
  // The question's name is at offset 12.
  const owner = record.owner === undefined ? u16(0xc00c) : encodeName(record.owner);
  const data = dataOf(record);
  const ttl = Buffer.concat([u16(record.ttl >>> 16), u16(record.ttl & 0xffff)]);
  return Buffer.concat([owner, u16(RecordType[record.type]), u16(1), ttl, u16(data.length), data]);
}

function dataOf(record: TestRecord): Buffer {
  switch (record.type) {
    case "A":
      return Buffer.from(parseIPv4(record.host) ?? []);
    case "AAAA":
      return Buffer.concat((parseIPv6(record.host) ?? []).map(u16));
    case "CNAME":
      return encodeName(record.target);
    case "SRV": {
      const { priority, weight, port, target } = record;
      return Buffer.concat([u16(priority), u16(weight), u16(port), encodeName(target)]);
    }
  }
}

function asked(question: Buffer): Omit<Asked, "by"> & { end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let size = question[at]; size !== undefined && size > 0; size = question[at]) {
    labels.push(question.toString("latin1", at + 1, at + 1 + size));
    at += 1 + size;
  }
  const end = at + 5;
  // Only the class of the record after the question matters.
  const udpSize = question.readUInt16BE(10) === 0 ? 0 : question.readUInt16BE(end + 3);
  const spelled = labels.join(".");
  return {
    name: spelled.toLowerCase(),
    spelled,
    type: question.readUInt16BE(at + 1),
    udpSize,
    end,
  };
}

function u16(value: number): Buffer {
  return Buffer.of((value >> 8) & 0xff, value & 0xff);
}
