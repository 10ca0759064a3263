import type { PeerCertificate } from "node:tls";
import type { Socket, SocketHandler } from "bun";
import type { Clock } from "../../base/clock.ts";
import { plainHostName } from "../../base/host-name-table.ts";
import type { Reason } from "../../base/reason.ts";
import type { ListenerOptions } from "../../config/options.ts";
import { clientOf, isAllowed, isInTime } from "../../transport/tls/client-certificate.ts";
import type { TlsFacts } from "../../transport/tls/facts.ts";
import { handshakeFailure } from "../../transport/tls/handshake-failure.ts";
import { TlsServerContext } from "../../transport/tls/server-context.ts";
import type { TlsServerOptions } from "../../transport/tls/server-options.ts";
import { type BunSocket, bunSocket, isTlsError } from "./bun-socket.ts";

/** Whose client's TLS ends here. */
interface TlsClientOwner {
  /** How it is ended; null if it is not. */
  readonly tlsOptions: TlsServerOptions | null;
  /** Its clock says whether a certificate is in time. */
  readonly listener: { readonly clock: Pick<Clock, "wall"> };
  /** The handshake is over. */
  handshaken(outcome: TlsFacts | Reason): void;
  /** The client has broken the rules of TLS. */
  terminate(reason: Reason): void;
}

/** A socket of Bun 1.4 that speaks TLS, with the members that its type file does not list. */
interface TlsSocket extends Socket<TlsClientOwner> {
  isSessionReused(): boolean;
}

/** The handlers of Bun 1.4 that its type file does not list, beside those of plain sockets. */
interface TlsHandlers<T> extends SocketHandler<T> {
  serverName(socket: unknown, name: string): object | undefined;
}

/** What a listener shows its clients; the one before as long as that is the same, as clients resume its sessions. */
export function contextOf(
  options: TlsServerOptions | null,
  before: TlsServerContext | null,
): TlsServerContext | null {
  if (options === null) return null;
  const isSame = before !== null && Bun.deepEquals(before.wanted, options);
  return isSame ? before : new TlsServerContext(options);
}

/** Whether TLS begins with the first byte: no PROXY header and no request for it comes before. */
export function beginsWithTls({ edge, tls }: ListenerOptions): boolean {
  return tls !== null && edge.proxyProtocol === "off" && edge.startTls === "off";
}

/** The same handlers for sockets that speak TLS. */
export function overTls<T extends TlsClientOwner>(
  handlers: SocketHandler<T>,
  context: TlsServerContext,
): SocketHandler<T> {
  const all: TlsHandlers<T> = {
    ...handlers,
    serverName: (_, name) => context.contextFor(name),
    handshake(socket, isDone, error) {
      const conduit = socket.data;
      const { tlsOptions: options, listener } = conduit;
      if (options === null) return;
      const now = listener.clock.wall();
      conduit.handshaken(outcomeOf(socket as unknown as TlsSocket, isDone, error, options, now));
    },
    // Of a broken record and of a renegotiation Bun says here what has failed, and then `close` as after a FIN: what
    // the client has sent must not look complete.
    error(socket, error) {
      if (isOfBoringSsl(error)) socket.data.terminate("tls_record_invalid");
      else handlers.error?.(socket, error);
    },
  };
  return all;
}

/** Whether BoringSSL has failed, and not a handler of ours. */
function isOfBoringSsl(error: Error): boolean {
  return isTlsError(error) && /^error:[0-9a-f]+:SSL routines:/.test(error.message);
}

/**
 * What came of a handshake: what was agreed on, or why the client may not come in.
 *
 * @param now milliseconds since 1970
 */
function outcomeOf(
  socket: TlsSocket,
  isDone: boolean,
  error: Error | null,
  { allow, verify }: TlsServerOptions,
  now: number,
): TlsFacts | Reason {
  if (!isDone) return handshakeFailure(error);
  const asks = verify !== "none";
  const certificate = asks ? (socket.getPeerCertificate() as PeerCertificate) : undefined;
  const client = clientOf(certificate);
  if (client === null && verify === "required") return "tls_no_certificate";
  // Of an unknown authority Bun says that the handshake is done, too.
  if (client !== null && !socket.authorized) return "tls_client_rejected";
  if (client !== null && !isAllowed(client, allow)) return "tls_client_rejected";
  // A resumed session was verified when it began, and its certificate may have expired since.
  if (client !== null && !isInTime(certificate, now)) return "tls_client_rejected";
  const name: unknown = socket.getServername();
  const { alpnProtocol } = socket;
  return {
    version: socket.getTLSVersion().replace("TLSv", ""),
    cipher: (socket.getCipher() as { name?: string } | undefined)?.name ?? "unknown",
    isResumed: socket.isSessionReused(),
    name: typeof name === "string" && name !== "" ? plainHostName(name).slice(0, 255) : null,
    alpn: typeof alpnProtocol === "string" ? alpnProtocol : null,
    client,
  };
}

/** What becomes of the callbacks of a socket whose place one with TLS has taken. */
const nobody = {
  clientSocket: { data() {}, drained() {} },
  up: { sourceEnded() {} },
  closed() {},
};

/**
 * Begins TLS on a connection that was accepted without: something else came before it.
 *
 * @param read bytes of it that were read already, 0 or more
 * @returns the socket that takes its place
 */
export function beginTls<T extends TlsClientOwner>(
  raw: BunSocket<unknown>,
  read: Uint8Array,
  context: TlsServerContext,
  handlers: SocketHandler<T>,
): BunSocket<unknown> {
  const { data } = raw as BunSocket<T>;
  const options = { isServer: true, initialData: read, tls: context.options, data };
  const [before, secure] = (raw as BunSocket<T>).upgradeTLS<T>({
    ...options,
    socket: overTls(handlers, context),
  } as never);
  (before as Socket<unknown>).data = nobody;
  secure.data = data;
  return bunSocket(secure);
}
