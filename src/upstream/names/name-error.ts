/** Why a name has no answer. */
export type NameErrorCode =
  /** DNS says that there is no such name (NXDOMAIN), or nobody knows one. */
  | "unknown_host"
  /** There is such a name, but no address of it. */
  | "no_data"
  /** The records of a service name no place where it is. */
  | "no_service"
  /** The DNS server could not find out (SERVFAIL, FORMERR, NOTIMP). */
  | "server_failed"
  /** The DNS server does not answer us (REFUSED). */
  | "refused"
  /** There is no DNS server, or no way to it, or nothing listens there. */
  | "unreachable"
  /** Nobody answered in time. */
  | "timeout"
  /** What was answered is no DNS message. */
  | "malformed"
  /** What was answered is something that this very process listens on. */
  | "own_address"
  /** What was answered is not among what DNS may answer with. */
  | "dns_denied"
  /** Nobody waits for the answer any more: the proxy stops, or the name is not wanted. */
  | "given_up";

const CLAUSES: Readonly<Record<NameErrorCode, string>> = {
  unknown_host: "unknown host",
  no_data: "the name has no address",
  no_service: "DNS names no place where it is",
  server_failed: "the DNS server failed",
  refused: "the DNS server refused",
  unreachable: "no DNS server can be reached",
  timeout: "no answer from DNS in time",
  malformed: "the DNS server's answer makes no sense",
  own_address: "that is this very proxy",
  dns_denied: "DNS answers with addresses that are not allowed",
  given_up: "nobody waits for it any more",
};

/** A name could not be resolved. An expected failure: who asks handles it. */
export class NameError extends Error {
  override readonly name = "NameError";

  constructor(readonly code: NameErrorCode) {
    // A clause for the log, without the name: who asked knows it.
    super(CLAUSES[code]);
  }
}
