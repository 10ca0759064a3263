import { closeSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { devNull } from "node:os";
import { assert } from "../../assert.ts";
import { type Address, formatAddress, type TcpAddress } from "../../base/address.ts";
import { type ProcessClock, systemClock } from "../../base/clock.ts";
import { printable } from "../../base/error.ts";
import { formatDuration } from "../../base/quantity.ts";
import { sourceFor } from "../../config/source-address.ts";
import { writeProxyHeader } from "../../entry/proxy-protocol/writer.ts";
import { dialCode, ownShortage } from "../../system/dial-reason.ts";
import { meetsItself } from "../../system/self-connect.ts";
import { encodeSockaddr } from "../../system/sockaddr.ts";
import { NameError } from "../names/name-error.ts";
import { AnswerBuffer } from "./answer-buffer.ts";
import { type CheckOptions, checkedAddress, type TlsOptions } from "./check-options.ts";
import type { Conversation, Verdict } from "./conversation.ts";
import { HttpConversation } from "./http-conversation.ts";
import type { Literals } from "./lookup.ts";
import { Mask } from "./mask.ts";
import { PostgresConversation } from "./postgres-conversation.ts";
import { PostgresTlsRequest } from "./postgres-tls-request.ts";
import { RedisConversation } from "./redis-conversation.ts";
import { ScriptConversation } from "./script-conversation.ts";
import { shown } from "./shown.ts";
import { handshakeFailure, startTls } from "./tls.ts";

/** What one check has found. */
export interface ProbeResult {
  readonly ok: boolean;
  /**
   * The check says nothing about the upstream: it was given up, or this process had no descriptor for
   * it. `ok` is false then. Taken for a failure, a lack of ours would close every upstream at once.
   */
  readonly inconclusive: boolean;
  /** A few words for log and page, printable and at most some 200 characters. */
  readonly detail: string;
  /** Milliseconds from the beginning to the verdict. */
  readonly durationMs: number;
}

/** Most bytes of an answer that are looked at. */
const ANSWER_BYTES_MAX = 65_536;

/** A timer this late, in milliseconds, says that this thread was held up, not that nothing came. */
const LATE_MS = 20;

/**
 * Checks one upstream once. Never throws, and leaves nothing behind: its socket is closed when it
 * resolves, even one whose connection was never answered.
 *
 * @param address the upstream's own; `options.address` is checked instead if there is one
 * @param literals where it has the addresses behind an address from
 * @param signal gives the check up, which makes it inconclusive
 * @param clock its time
 */
export function probe(
  address: Address,
  options: CheckOptions,
  literals: Literals,
  signal?: AbortSignal,
  clock: ProcessClock = systemClock,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const checked = checkedAddress(address, options);
    new Probe(checked, options, literals, signal, clock, resolve).begin();
  });
}

function conversationFor(options: CheckOptions, address: Address, mask: Mask): Conversation {
  switch (options.kind) {
    case "tcp":
      return new ScriptConversation([], Mask.none);
    case "send-expect":
      return new ScriptConversation(options.steps ?? [], mask);
    case "redis":
      return new RedisConversation(options, mask);
    case "postgres":
      return new PostgresConversation(options);
    case "http":
      // A unix socket's path is no Host.
      return new HttpConversation(
        options,
        address.kind === "unix" ? "localhost" : formatAddress(address),
      );
  }
}

/** What is said in plain: all of it, or what has to go before TLS. */
function openingFor(options: CheckOptions, address: Address, mask: Mask): Conversation {
  if (options.tls === null) return conversationFor(options, address, mask);
  return options.kind === "postgres"
    ? new PostgresTlsRequest()
    : new ScriptConversation([], Mask.none);
}

/**
 * One check, from the lookup to the last word. `end` is called once, by whatever comes first: a
 * verdict, a failure, the timeout or the signal.
 *
 * The sockets are those of node:net: unlike `Bun.connect`, an attempt can be taken back there, and
 * its descriptor is closed at once. Otherwise each check of a host that drops everything would hold
 * one for the kernel's two minutes. TLS comes onto the same socket.
 */
class Probe {
  private readonly startedAt: number;
  /** Takes the check's secrets out of what is told of answers. */
  private readonly mask: Mask;
  /** What is said now. */
  private conversation: Conversation;
  /** What begins when that has gone well; null when it is the last word. */
  private tlsToCome: TlsOptions | null;
  private answer = new AnswerBuffer(ANSWER_BYTES_MAX);
  private socket: Socket | null = null;
  /** The socket, or the TLS on it: what is talked through. */
  private channel: Socket | null = null;
  /** Take back what is due later. */
  private endTimer = () => {};
  private endDialTimer = () => {};
  private isOver = false;
  private phase: "dial" | "handshake" | "talk" = "dial";
  /** What is waited for, for the detail of a failure. */
  private awaits = "";
  private readonly onAbort = () => this.inconclusive("given up");

  constructor(
    private readonly address: Address,
    private readonly options: CheckOptions,
    private readonly literals: Literals,
    private readonly signal: AbortSignal | undefined,
    private readonly clock: ProcessClock,
    private readonly resolve: (result: ProbeResult) => void,
  ) {
    this.startedAt = clock.now();
    this.mask = Mask.of(options);
    this.conversation = openingFor(options, address, this.mask);
    this.tlsToCome = options.tls;
  }

  begin(): void {
    if (this.signal?.aborted) {
      this.inconclusive("given up");
      return;
    }
    this.signal?.addEventListener("abort", this.onAbort);
    this.startTimer(this.options.timeoutMs, true);
    this.literals(this.address).then(
      (addresses) => this.dial(addresses, 0),
      (error) => this.failed("lookup", codeOf(error)),
    );
  }

  /**
   * The time in which this thread was held up is not the upstream's: its answer may lie in the
   * socket, unread. A timer that is late is given the same time once more, once.
   */
  private startTimer(spanMs: number, mayBeLate: boolean): void {
    const dueAt = this.clock.now() + spanMs;
    this.endTimer = this.clock.hold(spanMs, () => {
      const lateMs = this.clock.now() - dueAt;
      if (mayBeLate && lateMs > LATE_MS) {
        this.startTimer(Math.min(lateMs, this.options.timeoutMs), false);
      } else {
        this.timedOut();
      }
    });
  }

  /** Dials the addresses of a name in turn; each gets an equal share of the time that is left. */
  private dial(addresses: readonly Address[], index: number): void {
    if (this.isOver) return;
    const address = addresses[index];
    if (address === undefined) {
      this.failed("lookup", codeOf(new NameError("no_data")));
      return;
    }
    const next = () => {
      this.endDialTimer();
      this.socket?.destroy();
      this.dial(addresses, index + 1);
    };
    const isLast = index === addresses.length - 1;
    try {
      this.socket = this.open(address, isLast ? null : next);
    } catch (error) {
      this.failed("connect", codeOf(error));
      return;
    }
    if (isLast) return;
    const leftMs = this.startedAt + this.options.timeoutMs - this.clock.now();
    this.endDialTimer = this.clock.hold(Math.max(1, leftMs / (addresses.length - index)), next);
  }

  /** @param onFailed what to do when it cannot be connected to, if not to fail */
  private open(address: Address, onFailed: (() => void) | null): Socket {
    const place = address.kind === "unix" ? { path: address.path } : this.route(address);
    // Half-open, so that an upstream that ends first is still judged by what it said.
    const socket = connect({ ...place, allowHalfOpen: true });
    this.talkThrough(socket, (error) => {
      if (this.phase === "talk") this.unanswered(`connection: ${codeOf(error)}`);
      else if (onFailed !== null && hasDescriptors()) onFailed();
      else this.failed("connect", dialCode(codeOf(error), encodeSockaddr(address)));
    });
    socket.on("connect", () => {
      if (this.isOver || this.channel !== socket) return;
      if (address.kind === "tcp" && meetsItself(address.port, socket)) {
        socket.resetAndDestroy();
        if (onFailed !== null) onFailed();
        else this.failed("connect", "ECONNREFUSED");
        return;
      }
      this.endDialTimer();
      this.introduce(socket);
      this.phase = "talk";
      this.talk();
    });
    return socket;
  }

  private route({ host, port }: TcpAddress): { host: string; port: number; localAddress?: string } {
    const source = sourceFor(this.options.sources ?? [], host);
    return { host, port, ...(source === undefined ? {} : { localAddress: source }) };
  }

  /** Begins as relays do: an upstream that expects a PROXY header hears nothing else before it. */
  private introduce(socket: Socket): void {
    const { proxyProtocol } = this.options;
    if (proxyProtocol !== "off") socket.write(headerOfCheck(proxyProtocol));
  }

  /** From now on all comes through this channel, and what another one tells is of no interest. */
  private talkThrough(channel: Socket, onError: (error: unknown) => void): void {
    this.channel = channel;
    const isCurrent = () => !this.isOver && this.channel === channel;
    channel.on("data", (chunk) => {
      if (!isCurrent()) return;
      this.answer.add(chunk as Buffer);
      // Whoever greets may do so before it is known who that is.
      if (this.phase === "talk") this.talk();
    });
    channel.on("end", () => {
      if (isCurrent()) this.unanswered("the upstream ended the connection");
    });
    channel.on("error", (error) => {
      if (isCurrent()) onError(error);
    });
  }

  /** Goes on by TLS on the same socket: nothing of what was said in plain counts any more. */
  private secure(tls: TlsOptions): void {
    const { address, options, socket } = this;
    assert(socket !== null, "there is a connection before TLS");
    this.tlsToCome = null;
    this.conversation = conversationFor(options, address, this.mask);
    this.answer = new AnswerBuffer(ANSWER_BYTES_MAX);
    this.phase = "handshake";
    const channel = startTls(socket, tls, address);
    this.talkThrough(channel, (error) => {
      if (this.phase === "talk") this.unanswered(`connection: ${codeOf(error)}`);
      else this.end({ ok: false, detail: `TLS: ${handshakeFailure(error, tls, address)}` });
    });
    channel.on("secureConnect", () => {
      if (this.isOver) return;
      this.phase = "talk";
      this.talk();
    });
  }

  /** Lets the conversation go on as far as it can. */
  private talk(): void {
    try {
      while (!this.isOver) {
        const move = this.conversation.next(this.answer.bytes);
        if ("send" in move) {
          this.channel?.write(move.send);
        } else if ("ok" in move) {
          if (!move.ok || this.tlsToCome === null) this.end(move);
          else this.secure(this.tlsToCome);
          return;
        } else {
          this.awaits = move.awaits;
          if (this.answer.isFull) this.unanswered(`not within ${ANSWER_BYTES_MAX} bytes`);
          return;
        }
      }
    } catch (error) {
      // A defect of ours: shown, and not held against the upstream.
      this.inconclusive(
        `the check itself failed: ${printable(this.mask.overText(String(error))).slice(0, 100)}`,
      );
    }
  }

  private timedOut(): void {
    const span = formatDuration(this.options.timeoutMs);
    const { phase } = this;
    const what = this.socket === null ? "lookup" : "connect";
    if (phase === "dial") this.end({ ok: false, detail: `${what}: no answer within ${span}` });
    else if (phase === "handshake") this.unanswered(`no handshake within ${span}`);
    else if (this.answer.bytes.length === 0) {
      this.end({ ok: false, detail: `no answer within ${span}` });
    } else this.unanswered(`nothing more within ${span}`);
  }

  /** What was waited for did not come. */
  private unanswered(why: string): void {
    if (this.phase === "handshake") {
      this.end({ ok: false, detail: `TLS: ${why}` });
      return;
    }
    const { bytes } = this.answer;
    const got = bytes.length === 0 ? "got nothing" : `got ${shown(bytes, this.mask)}`;
    this.end({ ok: false, detail: `expected ${this.awaits}, ${got}: ${why}` });
  }

  private failed(what: "lookup" | "connect", code: string): void {
    // Bun says ECONNREFUSED where it has no descriptor for a socket: the code does not tell.
    if (!hasDescriptors()) this.inconclusive("no descriptor left");
    else if (ownShortage(code) !== null) this.inconclusive(`${what}: ${code}`);
    else this.end({ ok: false, detail: `${what}: ${code}` });
  }

  private inconclusive(detail: string): void {
    this.end({ ok: false, detail }, true);
  }

  private end({ ok, detail }: Verdict, inconclusive = false): void {
    if (this.isOver) return;
    this.isOver = true;
    this.endTimer();
    this.endDialTimer();
    this.signal?.removeEventListener("abort", this.onAbort);
    const durationMs = this.clock.now() - this.startedAt;
    this.hangUp(() => this.resolve({ ok, inconclusive, detail, durationMs }));
  }

  /** @param then called when nothing is left of the connection */
  private hangUp(then: () => void): void {
    const { channel, conversation, phase, socket } = this;
    if (phase === "talk" && channel !== socket) {
      // The last of the handshake is not written yet, and an upstream logs an error where it does not
      // get that and a proper end.
      channel?.end();
      setImmediate(() => {
        channel?.destroy();
        socket?.destroy();
        then();
      });
      return;
    }
    if (phase === "talk" && conversation.farewell === "reset") socket?.resetAndDestroy();
    else channel?.destroy();
    socket?.destroy();
    then();
  }
}

/** A header that tells of no client: LOCAL, or UNKNOWN where there is no such word. */
function headerOfCheck(version: "v1" | "v2"): Uint8Array {
  return writeProxyHeader({
    version: version === "v1" ? 1 : 2,
    command: "local",
    source: null,
    destination: null,
    tlvs: [],
    crc32c: false,
  });
}

/** The system's word for an error, or what is wrong with a name. */
function codeOf(error: unknown): string {
  if (error instanceof NameError) return error.message;
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === "string" ? printable(code).slice(0, 60) : "failed";
}

/** Whether this process can open anything now. */
function hasDescriptors(): boolean {
  try {
    closeSync(openSync(devNull, "r"));
    return true;
  } catch {
    return false;
  }
}
