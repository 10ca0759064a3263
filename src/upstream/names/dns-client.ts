import { timerSpan } from "../../base/clock.ts";
import { descriptorBudget } from "../../system/descriptors.ts";
import {
  type DnsAnswer,
  decodeAnswer,
  encodeQuestion,
  mixedCase,
  type Question,
  type QuestionType,
  ResponseCode,
} from "./dns-message.ts";
import { type DnsServer, parseServer } from "./dns-server.ts";
import { NameError } from "./name-error.ts";
import { Turns } from "./turns.ts";

/*
 * A DNS client. Bun's own node:dns (1.4.5) does not suffice: it reports ENOTFOUND both for a
 * missing name and for a name without such records, gives no TTL for SRV records, takes any
 * datagram for a bad answer instead of waiting for the right one, and rounds timeouts up to whole
 * seconds.
 */

/** How to ask DNS. */
export interface DnsOptions {
  /** Asked in this order. */
  readonly servers: readonly DnsServer[];
  /** Milliseconds that one server has for one answer. */
  readonly attemptMs: number;
  /** How many times to go through all servers. */
  readonly rounds: number;
  /** Cancels the question. */
  readonly signal: AbortSignal;
}

/** Limits the questions under way, each of which needs a socket. */
const turns = new Turns(descriptorBudget().lookups);

const ROUNDS = 2;
/**
 * Bytes of the largest answer by UDP. A and AAAA: what passes everywhere unfragmented. SRV: more,
 * because such servers are usually near, and Consul lists only as many members as fit without
 * saying that there are others (three, if asked without this number).
 */
const UDP_SIZE = { A: 1_232, AAAA: 1_232, SRV: 8_192 } as const;
/** The same for a question without EDNS. */
const UDP_SIZE_PLAIN = 512;
/** After more datagrams than this that do not answer our question, someone is guessing. */
const FOREIGN_MAX = 32;
/** Milliseconds for an answer; resolv.conf's 5 s are too long while a client waits. */
const ATTEMPT_MS = 1_500;

/** Divides `timeoutMs` so that each server is asked in time, twice. */
export function attempts(
  servers: readonly DnsServer[],
  timeoutMs: number,
): Pick<DnsOptions, "servers" | "attemptMs" | "rounds"> {
  const attemptMs = Math.min(ATTEMPT_MS, timeoutMs / (Math.max(1, servers.length) * ROUNDS));
  return { servers, attemptMs, rounds: ROUNDS };
}

/**
 * Asks one server after the other until one answers.
 *
 * @returns records, at least one
 * @throws NameError if there are none, or if no server could answer
 */
export async function askDns(
  name: string,
  type: QuestionType,
  { servers, attemptMs, rounds, signal }: DnsOptions,
): Promise<DnsAnswer> {
  let failure = new NameError("unreachable");
  for (let round = 0; round < rounds; round++) {
    for (const server of servers) {
      if (signal.aborted) throw new NameError("given_up");
      const release = await turns.take();
      try {
        return await askServer(name, type, server, attemptMs, signal);
      } catch (error) {
        if (!(error instanceof NameError)) throw error;
        if (error.isFinal || error.code === "given_up") throw error;
        failure = error;
      } finally {
        release();
      }
    }
  }
  throw failure;
}

async function askServer(
  name: string,
  type: QuestionType,
  server: DnsServer,
  attemptMs: number,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  const [id = 0] = crypto.getRandomValues(new Uint16Array(1));
  const question: Question = { id, name: mixedCase(name.replace(/\.$/, "")), type };
  let message = encodeQuestion(question, UDP_SIZE[type]);
  if (message === null) throw new NameError("unknown_host");
  let answer = await byUdp(message, question, UDP_SIZE[type], server, attemptMs, signal);
  const { badFormat, notImplemented } = ResponseCode;
  if (answer !== "unsure" && (answer.code === badFormat || answer.code === notImplemented)) {
    // An old server, which does not know EDNS.
    message = encodeQuestion(question) ?? message;
    answer = await byUdp(message, question, UDP_SIZE_PLAIN, server, attemptMs, signal);
  }
  if (answer === "unsure" || answer.isTruncated) {
    answer = await byTcp(message, question, server, attemptMs, signal);
  }
  if (answer.isTruncated) throw new NameError("malformed");
  if (answer.code === ResponseCode.noSuchName) throw new NameError("unknown_host");
  if (answer.code === ResponseCode.refused) throw new NameError("refused");
  if (answer.code !== ResponseCode.noError) throw new NameError("server_failed");
  if (answer.records.length === 0) throw new NameError("no_data");
  return answer;
}

/**
 * Sends one datagram and waits for the answer. The socket is connected, so that the kernel passes
 * on only that server's datagrams, and has a port of its own that cannot be guessed.
 *
 * @param most bytes of the answer, as the question says; larger ones are ignored
 * @returns `unsure` if the answer may be forged or someone seems to be trying: ask again by TCP,
 *   where no one else can answer
 */
async function byUdp(
  message: Uint8Array<ArrayBuffer>,
  question: Question,
  most: number,
  { host, port }: DnsServer,
  attemptMs: number,
  signal: AbortSignal,
): Promise<DnsAnswer | "unsure"> {
  const waiting = new Waiting<DnsAnswer | "unsure">(attemptMs, signal);
  let foreign = 0;
  const hear = (bytes: Uint8Array) => {
    const answer = bytes.length > most ? "foreign" : decodeAnswer(bytes, question);
    if (answer === "altered" || (answer === "foreign" && ++foreign > FOREIGN_MAX)) {
      waiting.decide("unsure");
    } else if (answer === "malformed") waiting.fail("malformed");
    else if (answer !== "foreign") waiting.decide(answer);
  };
  try {
    const socket = await Bun.udpSocket({
      // Bun would bind to 0.0.0.0, from which no IPv6 server can be reached.
      hostname: host.includes(":") ? "::" : "0.0.0.0",
      connect: { hostname: host, port },
      socket: {
        data: (_, bytes) => hear(bytes),
        error: () => waiting.fail("unreachable"),
      },
    });
    try {
      socket.send(message);
      return await waiting.answer;
    } finally {
      socket.close();
    }
  } catch (error) {
    throw nameError(error);
  } finally {
    waiting.end();
  }
}

/** The same by TCP, where each message is preceded by its length. */
async function byTcp(
  message: Uint8Array<ArrayBuffer>,
  question: Question,
  { host, port }: DnsServer,
  attemptMs: number,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  const waiting = new Waiting<DnsAnswer>(attemptMs, signal);
  const framed = Buffer.alloc(2 + message.length);
  framed.writeUInt16BE(message.length);
  framed.set(message, 2);
  const received = new Framed();
  const connecting = Bun.connect({
    hostname: host,
    port,
    socket: {
      // A question is far smaller than a new socket's send buffer.
      open: (socket) => void socket.write(framed),
      data: (_, bytes) => {
        const whole = received.add(bytes);
        if (whole === null) return;
        const answer = decodeAnswer(whole, question, true);
        // Only the server can write to this connection, so no other answer may come.
        if (typeof answer === "string") waiting.fail("malformed");
        else waiting.decide(answer);
      },
      connectError: () => waiting.fail("unreachable"),
      close: () => waiting.fail("server_failed"),
    },
  });
  connecting.catch(() => waiting.fail("unreachable"));
  try {
    return await waiting.answer;
  } finally {
    waiting.end();
    // If it connects later, close it then.
    void connecting.then(
      (socket) => socket.terminate(),
      () => {},
    );
  }
}

/**
 * Errors of system calls, such as no route to a server (ENETUNREACH) or no descriptor left, are not
 * defects of ours.
 */
function nameError(error: unknown): unknown {
  const isOfSystem = error instanceof Error && "syscall" in error;
  return isOfSystem ? new NameError("unreachable") : error;
}

/** Assembles a message that arrives in pieces, preceded by its length: at most 64 KiB. */
class Framed {
  private readonly length = Buffer.alloc(2);
  private message: Buffer | null = null;
  private size = 0;

  /** @returns the message once it is complete; what follows it is dropped */
  add(bytes: Uint8Array): Uint8Array | null {
    let rest = bytes;
    if (this.message === null) {
      const head = rest.subarray(0, 2 - this.size);
      this.length.set(head, this.size);
      this.size += head.length;
      if (this.size < 2) return null;
      rest = rest.subarray(head.length);
      this.message = Buffer.alloc(this.length.readUInt16BE());
      this.size = 0;
    }
    const { message } = this;
    if (this.size > message.length) return null;
    const taken = rest.subarray(0, message.length - this.size);
    message.set(taken, this.size);
    this.size += taken.length;
    if (this.size < message.length) return null;
    // Whatever comes from now on follows the message.
    this.size++;
    return message;
  }
}

/** Waits for one answer until a timeout. */
class Waiting<T> {
  private readonly promise = Promise.withResolvers<T>();
  private readonly timer: ReturnType<typeof setTimeout>;
  private readonly onAbort = () => this.fail("given_up");

  constructor(
    attemptMs: number,
    private readonly signal: AbortSignal,
  ) {
    // A question must not keep the process alive.
    this.timer = setTimeout(() => this.fail("timeout"), timerSpan(attemptMs)).unref();
    signal.addEventListener("abort", this.onAbort);
    // It may fail before anyone awaits it.
    this.promise.promise.catch(() => {});
    if (signal.aborted) this.onAbort();
  }

  get answer(): Promise<T> {
    return this.promise.promise;
  }

  decide(answer: T): void {
    this.promise.resolve(answer);
  }

  fail(code: NameError["code"]): void {
    this.promise.reject(new NameError(code));
  }

  end(): void {
    clearTimeout(this.timer);
    this.signal.removeEventListener("abort", this.onAbort);
  }
}

/** The servers that the system asks now; may be empty. */
export async function systemServers(): Promise<DnsServer[]> {
  // Loaded here, so that a start with literal addresses alone does not pay for it.
  const { Resolver } = await import("node:dns");
  return new Resolver().getServers().flatMap((text) => parseServer(text) ?? []);
}
