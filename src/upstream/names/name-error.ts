/** Why a name could not be resolved. */
export type NameErrorCode =
  /** DNS says that the name does not exist (NXDOMAIN), or the system does not know it. */
  | "unknown_host"
  /** The name exists, but has no address. */
  | "no_data"
  /** The service has no usable record. */
  | "no_service"
  /** The DNS server failed (SERVFAIL, FORMERR, NOTIMP). */
  | "server_failed"
  /** The DNS server refuses to answer us (REFUSED). */
  | "refused"
  /** There is no DNS server, no route to it, or it does not listen. */
  | "unreachable"
  /** No answer came in time. */
  | "timeout"
  /** The answer is not a valid DNS message. */
  | "malformed"
  /** The answer is an address that this process itself listens on. */
  | "own_address"
  /** The answer is not among the addresses that `dnsAllow` permits. */
  | "dns_denied"
  /** The lookup was cancelled: the proxy stops, or the name is no longer needed. */
  | "given_up";

const CLAUSES: Readonly<Record<NameErrorCode, string>> = {
  unknown_host: "unknown host",
  no_data: "the name has no address",
  no_service: "DNS lists no usable place for it",
  server_failed: "the DNS server failed",
  refused: "the DNS server refused",
  unreachable: "no DNS server can be reached",
  timeout: "no answer from DNS in time",
  malformed: "the DNS server's answer is malformed",
  own_address: "that is this very proxy",
  dns_denied: "DNS answers with addresses that are not allowed",
  given_up: "the lookup was cancelled",
};

/** A name could not be resolved: an expected failure, which the caller handles. */
export class NameError extends Error {
  override readonly name = "NameError";

  constructor(readonly code: NameErrorCode) {
    // A clause for the log, without the name, which the caller knows.
    super(CLAUSES[code]);
  }

  /** The name has no address for sure: asking another server would not help. */
  get isFinal(): boolean {
    return this.code === "unknown_host" || this.code === "no_data";
  }
}
