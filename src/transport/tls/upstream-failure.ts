import { printable } from "../../base/error.ts";

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
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: "it speaks none of the protocols offered (ALPN)",
  ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED: "it wants a certificate",
  ECONNRESET: "it closed the connection",
};

/**
 * Why an upstream's handshake failed, in a few printable words, none of which the upstream can choose.
 *
 * @param error of node:tls, or of a socket of Bun
 * @param name the name that the certificate had to be issued for
 */
export function upstreamFailure(error: unknown, name: string): string {
  const code = codeOf(error);
  if (code === null) return "failed";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `its certificate is not for ${printable(name).slice(0, 100)}`;
  }
  return CAUSES[code] ?? printable(code).slice(0, 60);
}

/** Sockets of Bun 1.4 have one code for all that OpenSSL finds wrong, and its own behind colons in the message. */
function codeOf(error: unknown): string | null {
  const { code, message = "" } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code !== "string") return null;
  const [, words] = code === "EPROTO" ? (/:([A-Z\d_]+)$/.exec(message) ?? []) : [];
  return words === undefined ? code : `ERR_SSL_${words}`;
}
