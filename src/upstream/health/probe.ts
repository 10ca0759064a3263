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
import type { TlsClientOptions } from "../../transport/tls/client-options.ts";
import { upstreamFailure } from "../../transport/tls/upstream-failure.ts";
import { upstreamName } from "../../transport/tls/upstream-name.ts";
import { NameError } from "../names/name-error.ts";
import { AnswerBuffer } from "./answer-buffer.ts";
import { type CheckOptions, checkedAddress } from "./check-options.ts";
import type { Conversation, Verdict } from "./conversation.ts";
import { HttpConversation } from "./http-conversation.ts";
import type { Literals } from "./lookup.ts";
import { Mask } from "./mask.ts";
import { PostgresConversation, PostgresTlsRequest } from "./postgres-conversation.ts";
import { RedisConversation } from "./redis-conversation.ts";
import { ScriptConversation } from "./script-conversation.ts";
import { shown } from "./shown.ts";
import { startTls } from "./tls.ts";

/** The result of one check. */
export interface ProbeResult {
  readonly ok: boolean;
  /**
   * The check says nothing about the upstream: it was cancelled, or this process had no descriptor
   * left. `ok` is false then. If a shortage of ours counted as a failure, it would close all
   * upstreams at once.
   */
  readonly inconclusive: boolean;
  /** A few words for log and page, printable, about 200 characters at most. */
  readonly detail: string;
  /** Milliseconds from the start to the verdict. */
  readonly durationMs: number;
}

/** Most bytes of an answer that are examined. */
const ANSWER_BYTES_MAX = 65_536;

/**
 * If a timer fires this many milliseconds late, this thread was busy: an answer may wait unread.
 */
const LATE_MS = 20;

/**
 * Checks one upstream once. Never throws, and leaves nothing behind: when it resolves, its socket
 * is closed, even if the connection was never answered.
 *
 * @param address the upstream's own; `options.address` is checked instead if it is set
 * @param literals finds the addresses behind an address
 * @param signal cancels the check, which makes it inconclusive
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

/** What is said in plaintext: everything, or what must come before TLS. */
function openingFor(options: CheckOptions, address: Address, mask: Mask): Conversation {
  if (options.tls === null) return conversationFor(options, address, mask);
  return options.tls.startTls === "postgres"
    ? new PostgresTlsRequest()
    : new ScriptConversation([], Mask.none);
}

/**
 * One check, from the lookup to the verdict. `end` takes effect once, for whatever comes first: a
 * verdict, a failure, the timeout or the signal.
 *
 * The sockets are those of node:net: unlike with `Bun.connect`, an attempt can be cancelled, which
 * closes its descriptor at once. Otherwise each check of a host that drops all packets would hold a
 * descriptor for the kernel's two minutes. TLS uses the same socket.
 */
class Probe {
  private readonly startedAt: number;
  /** Removes the check's secrets from what is shown of answers. */
  private readonly mask: Mask;
  /** The current conversation. */
  private conversation: Conversation;
  /** TLS to start once that has succeeded; null if there is none to start. */
  private tlsToCome: TlsClientOptions | null;
  private answer = new AnswerBuffer(ANSWER_BYTES_MAX);
  private socket: Socket | null = null;
  /** The socket, or the TLS connection on it: what the conversation uses. */
  private channel: Socket | null = null;
  /** Cancel the timers. */
  private endTimer = () => {};
  private endDialTimer = () => {};
  private isOver = false;
  private phase: "dial" | "handshake" | "talk" = "dial";
  /** What the conversation waits for, for the detail of a failure. */
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
   * The time in which this thread was busy does not count against the upstream: its answer may lie
   * in the socket, unread. A late timer is extended once, by the time that it was late.
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

  /** Dials the addresses of a name in turn; each gets an equal share of the remaining time. */
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

  /** @param onFailed what to do if connecting fails; null: the check fails */
  private open(address: Address, onFailed: (() => void) | null): Socket {
    const place = address.kind === "unix" ? { path: address.path } : this.route(address);
    // Half-open, so that an upstream that ends the connection first is judged by what it said.
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

  /** Begins as relays do: with a PROXY header, if the upstream expects one. */
  private introduce(socket: Socket): void {
    const { proxyProtocol } = this.options;
    if (proxyProtocol !== "off") socket.write(headerOfCheck(proxyProtocol));
  }

  /** Reads from this channel from now on, and ignores events of the one before. */
  private talkThrough(channel: Socket, onError: (error: unknown) => void): void {
    this.channel = channel;
    const isCurrent = () => !this.isOver && this.channel === channel;
    channel.on("data", (chunk) => {
      if (!isCurrent()) return;
      this.answer.add(chunk as Buffer);
      // Data may come before `connect` or `secureConnect`; it is judged after that.
      if (this.phase === "talk") this.talk();
    });
    channel.on("end", () => {
      if (isCurrent()) this.unanswered("the upstream ended the connection");
    });
    channel.on("error", (error) => {
      if (isCurrent()) onError(error);
    });
  }

  /** Starts TLS on the same socket; nothing that was said in plaintext counts any more. */
  private secure(tls: TlsClientOptions): void {
    const { address, options, socket } = this;
    assert(socket !== null, "there is a connection before TLS");
    this.tlsToCome = null;
    this.conversation = conversationFor(options, address, this.mask);
    this.answer = new AnswerBuffer(ANSWER_BYTES_MAX);
    this.phase = "handshake";
    const channel = startTls(socket, tls, address);
    this.talkThrough(channel, (error) => {
      if (this.phase === "talk") this.unanswered(`connection: ${codeOf(error)}`);
      else
        this.end({
          ok: false,
          detail: `TLS: ${upstreamFailure(error, upstreamName(tls, address))}`,
        });
    });
    channel.on("secureConnect", () => {
      if (this.isOver) return;
      this.phase = "talk";
      this.talk();
    });
  }

  /** Continues the conversation as far as it can go. */
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
      // A defect of ours: shown, but not held against the upstream.
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

  /** What the conversation waits for did not come. */
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
    // Bun reports ECONNREFUSED if there is no descriptor for a socket, so the code is not enough.
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

  /** @param then called once nothing is left of the connection */
  private hangUp(then: () => void): void {
    const { channel, conversation, phase, socket } = this;
    if (phase === "talk" && channel !== socket) {
      // The end of the handshake is not written yet. An upstream that gets neither that nor a
      // proper end logs an error.
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

/** A header that names no client: LOCAL in version 2, UNKNOWN in version 1. */
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

/** The system's code for an error, or what is wrong with a name. */
function codeOf(error: unknown): string {
  if (error instanceof NameError) return error.message;
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === "string" ? printable(code).slice(0, 60) : "failed";
}

/** Whether this process can open another descriptor now. */
function hasDescriptors(): boolean {
  try {
    closeSync(openSync(devNull, "r"));
    return true;
  } catch {
    return false;
  }
}
