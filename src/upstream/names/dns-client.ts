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
 * Asks DNS servers. Bun's own node:dns would nearly do, but (1.4.5) it says ENOTFOUND for a name
 * that is not there and for one without such records alike, leaves out the TTL of SRV records, takes
 * any datagram for a bad answer instead of waiting for the right one, and rounds timeouts up to whole
 * seconds.
 */

/** How DNS is asked. */
export interface DnsOptions {
  /** In the order in which they are asked. */
  readonly servers: readonly DnsServer[];
  /** Milliseconds that one server gets for one answer. */
  readonly attemptMs: number;
  /** Times that all of them are asked. */
  readonly rounds: number;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
}

/** Each question has a socket of its own. */
const turns = new Turns(descriptorBudget().lookups);

const ROUNDS = 2;
/**
 * Bytes of a datagram that may answer: what passes everywhere in one piece; for services, whose servers are
 * near as a rule, more. Consul, asked without such a number, names three members, and with one as many
 * as fit, and does not say that there are others.
 */
const UDP_SIZE = { A: 1_232, AAAA: 1_232, SRV: 8_192 } as const;
/** The same where nothing was said of it. */
const UDP_SIZE_PLAIN = 512;
/** After so many datagrams that answer nothing of ours somebody is guessing. */
const FOREIGN_MAX = 32;
/** A server has so long for an answer: resolv.conf's 5 s are too long while a client waits. */
const ATTEMPT_MS = 1_500;

/** How these servers are asked so that all of them get their turns within `timeoutMs`. */
export function attempts(
  servers: readonly DnsServer[],
  timeoutMs: number,
): Pick<DnsOptions, "servers" | "attemptMs" | "rounds"> {
  const attemptMs = Math.min(ATTEMPT_MS, timeoutMs / (Math.max(1, servers.length) * ROUNDS));
  return { servers, attemptMs, rounds: ROUNDS };
}

/**
 * Asks one server after the other until one knows the answer.
 *
 * @returns records, at least one
 * @throws NameError when there are none, or no server could say
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
      try {
        return await askServer(name, type, server, attemptMs, signal);
      } catch (error) {
        if (!(error instanceof NameError)) throw error;
        const { code } = error;
        if (code === "unknown_host" || code === "no_data" || code === "given_up") throw error;
        failure = error;
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
  const release = await turns.take();
  try {
    return await askInTurn(name, type, server, attemptMs, signal);
  } finally {
    release();
  }
}

async function askInTurn(
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
    // An old one, which does not know EDNS.
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
 * One datagram there, one back. The socket is connected, so that the kernel lets only that server's
 * datagrams in, and has a port of its own, which nobody can guess.
 *
 * @param most bytes of the answer, as the question says: a larger one is not looked at
 * @returns `unsure` when a stranger may have written the answer, or tries to: the same is to be asked by TCP,
 *   where nobody else gets a word in
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
      // Bun would bind to 0.0.0.0, from where no IPv6 server can be asked.
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

/** The same by TCP, where a message has its length before it. */
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
      // A question is far smaller than what a new socket's buffer takes.
      open: (socket) => void socket.write(framed),
      data: (_, bytes) => {
        const whole = received.add(bytes);
        if (whole === null) return;
        const answer = decodeAnswer(whole, question, true);
        // Nobody else can say anything on this connection.
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
    // An attempt that comes to its end when nobody waits any more is closed then.
    void connecting.then(
      (socket) => socket.terminate(),
      () => {},
    );
  }
}

/**
 * What the system says when there is no way to a server (ENETUNREACH), or no descriptor left, is no
 * defect of ours.
 */
function nameError(error: unknown): unknown {
  const isOfSystem = error instanceof Error && "syscall" in error;
  return isOfSystem ? new NameError("unreachable") : error;
}

/** A message that comes in pieces, with its length before it: at most 64 KiB, in one piece of memory. */
class Framed {
  private readonly length = Buffer.alloc(2);
  private message: Buffer | null = null;
  private size = 0;

  /** @returns the message when it has just become whole; what comes behind it is dropped */
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
    // Whatever comes now is behind it.
    this.size++;
    return message;
  }
}

/** One answer that is awaited, for so long. */
class Waiting<T> {
  private readonly promise = Promise.withResolvers<T>();
  private readonly timer: ReturnType<typeof setTimeout>;
  private readonly onAbort = () => this.fail("given_up");

  constructor(
    attemptMs: number,
    private readonly signal: AbortSignal,
  ) {
    // A question is no reason for a process to go on.
    this.timer = setTimeout(() => this.fail("timeout"), timerSpan(attemptMs)).unref();
    signal.addEventListener("abort", this.onAbort);
    // It may fail before anybody looks.
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

/**
 * The servers that the system asks, as it says now.
 *
 * @returns none where it says none
 */
export async function systemServers(): Promise<DnsServer[]> {
  // Loaded when a name is asked for: whoever starts with addresses alone does not pay for it.
  const { Resolver } = await import("node:dns");
  return new Resolver().getServers().flatMap((text) => parseServer(text) ?? []);
}
