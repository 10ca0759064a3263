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
 * An attempt to connect. `Bun.connect` cannot be taken back, but where the descriptor is known the kernel
 * can end the attempt.
 */
export abstract class BunAttempt {
  /** The descriptor and the kernel's number of the attempt's socket, where they are known. */
  private descriptor = -1;
  private cookie: bigint | null = null;
  /** Where it goes to, a literal; null for a unix socket. */
  private destination: TcpAddress | null = null;

  /** Somebody waits for it. */
  abstract get isWanted(): boolean;

  /** It goes there. */
  goesTo(address: TcpAddress): void {
    this.destination = address;
  }

  /** Whether nobody but itself has answered: it counts as refused. */
  metItself(socket: Parameters<typeof meetsItself>[1]): boolean {
    return this.destination !== null && meetsItself(this.destination.port, socket);
  }

  /** What it has failed with. Bun says ECONNREFUSED where there was no descriptor for a socket. */
  codeOf(error: NodeJS.ErrnoException): string {
    if (!canOpenSocket()) return "EMFILE";
    const { code = "unknown" } = error;
    return this.destination === null ? code : dialCode(code, encodeSockaddr(this.destination));
  }

  /** Remembers which socket this is; whether it still is an attempt is asked when it matters. */
  track(descriptor: number): void {
    this.descriptor = descriptor;
    this.cookie = socketCookie(descriptor);
  }

  /** It was answered: it is no attempt any more. */
  succeeded(): void {
    this.cookie = null;
  }

  /** Ends the attempt, as far as that can be done. Its descriptor is open until Bun lets go of it. */
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
 * @param address a literal one, or a path
 * @param sources what it may come from, see {@link ListenerOptions.sourceAddresses}
 * @param anyOpen some descriptor that is open; −1 when none is known
 */
export function connect<A extends BunAttempt>(
  attempt: A,
  address: Address,
  socket: SocketHandler<A>,
  window: DialWindow,
  sources: readonly string[],
  anyOpen: number,
): void {
  const common = { socket, data: attempt, allowHalfOpen: true };
  // The promise says nothing that the handlers do not: with `connectError` it cannot go unhandled.
  if (address.kind === "unix") {
    void Bun.connect({ ...common, unix: address.path });
    return;
  }
  const { host: hostname, port } = address;
  attempt.goesTo(address);
  const source = sourceFor(sources, hostname);
  const from = source === undefined ? undefined : { localAddress: source };
  window.begin();
  let isOurs = false;
  let descriptor = -1;
  try {
    // Bun opens the socket of a literal address before it returns, so this is its descriptor; the
    // attempt's own name, taken and checked by the kernel, makes sure that no other one is ended.
    if (anyOpen !== -1) descriptor = nextDescriptor(anyOpen);
    void Bun.connect({ ...common, hostname, port, ...from });
  } finally {
    isOurs = window.end();
  }
  if (isOurs && descriptor !== -1 && attempt.isWanted) attempt.track(descriptor);
}
