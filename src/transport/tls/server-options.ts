/** A certificate with what belongs to it, as texts: they go to every worker. */
export interface CertificatePair {
  /** The certificate and those that lead to its authority (PEM). */
  readonly cert: string;
  /** Its private key, without a passphrase (PEM). */
  readonly key: string;
  /** The host names that it is shown for, as {@link hostPattern} has them. */
  readonly names: readonly string[];
}

/** Whether clients have to prove who they are. */
export type ClientVerification = "none" | "optional" | "required";

/** How a listener ends the TLS of its clients. Finished and validated. */
export interface TlsServerOptions {
  /** At least one. The first is shown to clients that ask for another name, or for none. */
  readonly certificates: readonly CertificatePair[];
  readonly verify: ClientVerification;
  /** The authorities of clients' certificates (PEM); null if clients show none. */
  readonly ca: string | null;
  /** The names that a client's certificate must have one of, with `*` for any characters; empty for any. */
  readonly allow: readonly string[];
  readonly minVersion: "1.2" | "1.3";
  /** For TLS 1.2, as OpenSSL writes them; empty for those built in. Those of TLS 1.3 are fixed. */
  readonly ciphers: string;
  /** Application protocols in the order of preference; empty for none. */
  readonly alpn: readonly string[];
  /** Milliseconds that a client has for the handshake, at least 1. */
  readonly handshakeTimeoutMs: number;
}
