import type { SocketHandler } from "bun";
import type { Address, TcpAddress } from "../../base/address.ts";
import { sourceFor } from "../../config/source-address.ts";
import { dialCode } from "../../system/dial-reason.ts";
import { canOpenSocket, endAttempt, nextDescriptor, socketCookie } from "../../system/libc.ts";
import { isBlocking } from "../../system/linux.ts";
import { meetsItself } from "../../system/self-connect.ts";
import { encodeSockaddr } from "../../system/sockaddr.ts";
import type { DialWindow } from "./dial-window.ts";

/**
 * An attempt to connect. `Bun.connect` cannot be cancelled, but the kernel can end the attempt if
 * its descriptor is known.
 */
export abstract class BunAttempt {
  /** The socket's descriptor and its kernel cookie, if known. */
  private descriptor = -1;
  private cookie: bigint | null = null;
  /** The literal address that it connects to; null for a unix socket. */
  destination: TcpAddress | null = null;

  /** Whether its owner still waits for it. */
  abstract get isWanted(): boolean;

  /** Whether the socket has connected to itself, which counts as refused. */
  metItself(socket: Parameters<typeof meetsItself>[1]): boolean {
    return this.destination !== null && meetsItself(this.destination.port, socket);
  }

  /** The code of its failure. Bun reports ECONNREFUSED if it gets no descriptor for the socket. */
  codeOf(error: NodeJS.ErrnoException): string {
    if (!canOpenSocket()) return "EMFILE";
    const { code = "unknown" } = error;
    return this.destination === null ? code : dialCode(code, encodeSockaddr(this.destination));
  }

  /** Remembers the attempt's socket. Whether it is still connecting is checked in {@link end}. */
  track(descriptor: number): void {
    this.descriptor = descriptor;
    this.cookie = socketCookie(descriptor);
  }

  /** It has connected, so there is no attempt left to end. */
  succeeded(): void {
    this.cookie = null;
  }

  /** Ends the attempt if possible. Its descriptor stays open until Bun closes it. */
  end(): void {
    const { descriptor, cookie } = this;
    this.cookie = null;
    // A ring of the same process may have opened a socket in the moment of the guess. It blocks.
    if (cookie !== null && !isBlocking(descriptor)) endAttempt(descriptor, cookie);
  }
}

/**
 * Begins an attempt, which may be over before this returns.
 *
 * @param address a literal address or a path
 * @param sources local addresses to connect from, see {@link ListenerOptions.sourceAddresses}
 * @param anyOpen any open descriptor; −1 if none is known
 * @param tls what Bun begins TLS with at once; null to begin in plain
 */
export function connect<A extends BunAttempt>(
  attempt: A,
  address: Address,
  socket: SocketHandler<A>,
  window: DialWindow,
  sources: readonly string[],
  anyOpen: number,
  tls: object | null = null,
): void {
  const secured = tls === null ? {} : { tls };
  const common = { socket, data: attempt, allowHalfOpen: true, ...secured };
  // The handlers report everything; with `connectError` the promise does not reject.
  if (address.kind === "unix") {
    void Bun.connect({ ...common, unix: address.path });
    return;
  }
  const { host: hostname, port } = address;
  attempt.destination = address;
  const source = sourceFor(sources, hostname);
  const from = source === undefined ? undefined : { localAddress: source };
  window.begin();
  let isOurs = false;
  let descriptor = -1;
  try {
    // Bun opens the socket of a literal address before it returns, so this is its descriptor. The
    // kernel's cookie, checked later, ensures that no other socket is ended.
    if (anyOpen !== -1) descriptor = nextDescriptor(anyOpen);
    void Bun.connect({ ...common, hostname, port, ...from });
  } finally {
    isOurs = window.end();
  }
  if (isOurs && descriptor !== -1 && attempt.isWanted) attempt.track(descriptor);
}
