/** Who a client has proved to be: what its certificate says, verified. */
export interface TlsClient {
  /** The common name; null if there is none. */
  readonly commonName: string | null;
  /** The DNS names, URIs and mail addresses that the certificate is for. */
  readonly names: readonly string[];
  /** SHA-256 of the certificate, in capitals with colons. */
  readonly fingerprint: string;
}

/** What a handshake has agreed on. */
export interface TlsFacts {
  /** `1.2` or `1.3`. */
  readonly version: string;
  /** As OpenSSL writes it. */
  readonly cipher: string;
  /** An earlier session was resumed. */
  readonly isResumed: boolean;
  /** The host name that the client has asked for, in lower case without a final dot; null if it asked for none. */
  readonly name: string | null;
  /** The application protocol that was agreed on; null for none. */
  readonly alpn: string | null;
  /** Null if it has shown no certificate, or was not asked for one. */
  readonly client: TlsClient | null;
}
