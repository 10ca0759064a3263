import { parseIPv4, parseIPv6 } from "../../base/ip.ts";
import { RecordType } from "./dns-message.ts";
import type { DnsServer } from "./dns-server.ts";

/** A record that an authority tells. TTLs in seconds. */
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

/** What an authority does when it is asked. */
export interface TestReply {
  readonly records?: readonly TestRecord[];
  /** The response code: 0 unless given. */
  readonly code?: number;
  /** Not by UDP: there it says that the rest is cut off. */
  readonly isLong?: boolean;
  /** By TCP as well. */
  readonly isEndless?: boolean;
  /** It does not repeat the question. */
  readonly isBare?: boolean;
  /** It repeats the question in small letters. */
  readonly isSmall?: boolean;
  /** Nothing at all. */
  readonly isSilent?: boolean;
  /** These datagrams come before the answer, or instead of it when it is silent. */
  readonly before?: (question: Buffer) => readonly Uint8Array[];
  /** By TCP in pieces of one byte; else the connection is closed without a word. */
  readonly tcp?: "slow" | "closed";
}

/** What an authority was asked. */
export interface Asked {
  /** In small letters, whatever the case of the question's. */
  readonly name: string;
  /** As it was spelled. */
  readonly spelled: string;
  /** As a number, as in the message. */
  readonly type: number;
  readonly by: "udp" | "tcp";
  /** Bytes of a datagram that whoever asks takes (EDNS); 0 when that was not said. */
  readonly udpSize: number;
}

/** What is known of a client that asks by TCP. */
interface TcpClient {
  received: Buffer;
  unsent: Buffer;
}

interface TcpSocket {
  data: TcpClient;
  write(bytes: Uint8Array): number;
  end(): void;
}

/** A large answer goes out bit by bit, as the kernel takes it. */
function flush(socket: TcpSocket): void {
  const { unsent } = socket.data;
  if (unsent.length === 0) return;
  socket.data.unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
}

/** A DNS server on the loopback that knows what a test tells it. Everything else is NXDOMAIN. */
export class TestAuthority implements Disposable {
  readonly asked: Asked[] = [];
  private readonly replies = new Map<string, TestReply | (() => TestReply)>();

  private constructor(
    private readonly host: string,
    private readonly udp: Bun.udp.Socket<"buffer">,
    private tcp: { stop(force: boolean): void } | null,
  ) {}

  static async start(hostname = "127.0.0.1"): Promise<TestAuthority> {
    // The same port is wanted for both; the one that UDP has got may be taken for TCP.
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

  /** Itself, as whoever asks wants it. */
  get server(): DnsServer {
    return { host: this.host, port: this.udp.port };
  }

  /** From now on that is its reply to questions for such records of the name. */
  knows(name: string, type: keyof typeof RecordType, reply: TestReply | (() => TestReply)): void {
    this.replies.set(`${name} ${RecordType[type]}`, reply);
  }

  /** The name has these addresses and no others. */
  addresses(name: string, hosts: readonly string[], ttl: number): void {
    const all = hosts.map((host) => {
      return { type: host.includes(":") ? ("AAAA" as const) : ("A" as const), host, ttl };
    });
    for (const type of ["A", "AAAA"] as const) {
      this.knows(name, type, { records: all.filter((one) => one.type === type) });
    }
  }

  /** How often it was asked for the name, by whatever way. */
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

/** The answer to a question's message, as a server makes it. */
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

/** A name without compression. */
export function encodeName(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
    Buffer.of(0),
  ]);
}

function encodeRecord(record: TestRecord): Buffer {
  // The name of the question stands at 12.
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
  // Of the record after the question nothing but its class is of interest.
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
