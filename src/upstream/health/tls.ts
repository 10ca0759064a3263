import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Address } from "../../base/address.ts";
import { printable } from "../../base/error.ts";
import { ipKind } from "../../base/ip.ts";
import type { TlsOptions } from "./check-options.ts";

/** What a certificate can lack, in words; for everything else the code has to do. */
const CAUSES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is of an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is of an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is of an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is of an unknown authority",
  ERR_SSL_WRONG_VERSION_NUMBER: "it speaks no TLS",
};

/**
 * Begins TLS on a connection that is there. The result tells `secureConnect` when the handshake is
 * over and, unless that is not wanted, the certificate is of an authority and for the name; else
 * `error`. Until then nothing may be written to it: it would be sent to whoever answers.
 *
 * @param address what is checked, for the name where the options have none
 */
export function startTls(socket: Socket, options: TlsOptions, address: Address): TLSSocket {
  // Not imported: only checks by TLS have to wait until it is loaded, and not every start.
  const { checkServerIdentity, connect } = process.getBuiltinModule("node:tls");
  const { alpn, ca, identity, verify } = options;
  const name = serverNameOf(options, address);
  return connect({
    socket,
    // Said outright, as NODE_TLS_REJECT_UNAUTHORIZED=0 would decide otherwise.
    rejectUnauthorized: verify,
    // The name that is looked for is ours to say: the runtime would take it from the socket.
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    // No name of a server is an address, as SNI has it.
    ...(ipKind(name) === 0 ? { servername: name } : {}),
    ...(ca === null ? {} : { ca }),
    ...identity,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  });
}

/** Why a handshake has failed, in a few printable words that are all ours. */
export function handshakeFailure(error: unknown, options: TlsOptions, address: Address): string {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== "string") return "failed";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `its certificate is not for ${printable(serverNameOf(options, address)).slice(0, 100)}`;
  }
  return CAUSES[code] ?? printable(code).slice(0, 60);
}

/** Whom the certificate has to be for. A unix socket has no name, and is on this machine. */
function serverNameOf({ serverName }: TlsOptions, address: Address): string {
  const name = serverName ?? (address.kind === "unix" ? "localhost" : address.host);
  return name.replace(/\.$/, "");
}
