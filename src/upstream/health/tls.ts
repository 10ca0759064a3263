import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Address } from "../../base/address.ts";
import { printable } from "../../base/error.ts";
import { ipKind } from "../../base/ip.ts";
import type { TlsOptions } from "./check-options.ts";

/** What is wrong with a handshake, by error code; other codes are shown as they are. */
const CAUSES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is signed by an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by an unknown authority",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS",
};

/**
 * Starts TLS on an open connection. The result emits `secureConnect` once the handshake is complete
 * and, if `verify` is set, the certificate is trusted and issued for the right name; otherwise it
 * emits `error`. Write nothing before that: it would be sent to an unverified server.
 *
 * @param address what is being checked; its host is the expected name if the options have none
 */
export function startTls(socket: Socket, options: TlsOptions, address: Address): TLSSocket {
  // Loaded here, so that only TLS checks pay for it and not every start.
  const { checkServerIdentity, connect } = process.getBuiltinModule("node:tls");
  const { alpn, ca, identity, verify } = options;
  const name = serverNameOf(options, address);
  return connect({
    socket,
    // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 would override the default.
    rejectUnauthorized: verify,
    // We set the expected name ourselves; the runtime would take it from the socket.
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    // SNI does not allow IP addresses.
    ...(ipKind(name) === 0 ? { servername: name } : {}),
    ...(ca === null ? {} : { ca }),
    ...identity,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  });
}

/** Why a handshake failed, in a few printable words, none of which the server can choose. */
export function handshakeFailure(error: unknown, options: TlsOptions, address: Address): string {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== "string") return "failed";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `its certificate is not for ${printable(serverNameOf(options, address)).slice(0, 100)}`;
  }
  return CAUSES[code] ?? printable(code).slice(0, 60);
}

/**
 * The name that the certificate must be issued for. A unix socket has none, and is on this machine.
 */
function serverNameOf({ serverName }: TlsOptions, address: Address): string {
  const name = serverName ?? (address.kind === "unix" ? "localhost" : address.host);
  return name.replace(/\.$/, "");
}
