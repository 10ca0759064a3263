/** What is said in plain before TLS begins: nothing, or Postgres' request for TLS. */
export type StartTls = "off" | "postgres";

/** How ringway speaks TLS to an upstream: for relays, and for its checks. Finished and validated. */
export interface TlsClientOptions {
  /**
   * The name that the certificate must be issued for, also sent as SNI. Null: the host that was configured, or
   * `localhost` for a unix socket.
   */
  readonly serverName: string | null;
  /** Whether to verify the certificate; if not, any certificate is accepted. */
  readonly verify: boolean;
  /** Trusted authorities' certificates, PEM; null: those built into Bun. */
  readonly ca: string | null;
  /** The client certificate to present if the server asks for one, PEM; null: none. */
  readonly identity: { readonly cert: string; readonly key: string } | null;
  /** Protocols offered by ALPN, the preferred one first, 1…255 bytes each; may be empty. */
  readonly alpn: readonly string[];
  /** What comes before TLS. */
  readonly startTls: StartTls;
}
