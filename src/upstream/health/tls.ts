import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Address } from "../../base/address.ts";
import { ipKind } from "../../base/ip.ts";
import type { TlsClientOptions } from "../../transport/tls/client-options.ts";
import { upstreamName } from "../../transport/tls/upstream-name.ts";

/**
 * Starts TLS on an open connection. The result emits `secureConnect` once the handshake is complete
 * and, if `verify` is set, the certificate is trusted and issued for the right name; otherwise it
 * emits `error`. Write nothing before that: it would be sent to an unverified server.
 *
 * @param address what is being checked; its host is the expected name if the options have none
 */
export function startTls(socket: Socket, options: TlsClientOptions, address: Address): TLSSocket {
  // Loaded here, so that only TLS checks pay for it and not every start.
  const { checkServerIdentity, connect } = process.getBuiltinModule("node:tls");
  const { alpn, ca, identity, verify } = options;
  const name = upstreamName(options, address);
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
