/** The two ends of a relay. */
export enum Side {
  Client,
  Upstream,
}

/**
 * Why a relay ended: one word for the log, the statistics and the metrics. The words are stable;
 * new ones may be added. The side that caused it is part of the word where there is one.
 */
export const reasons = [
  /** The client ended first (FIN), then the upstream; every byte was delivered. */
  "client_fin",
  /** The upstream ended first (FIN), then the client; every byte was delivered. */
  "upstream_fin",
  /** The client's connection was reset, perhaps before ringway could accept it. */
  "client_reset",
  /** The upstream's connection was reset. */
  "upstream_reset",
  /** The upstream refused the connection (or nothing listens on its unix socket). */
  "connect_refused",
  /** The upstream did not answer within the connect timeout. */
  "connect_timeout",
  /** No route to the upstream, or no local address to reach it from. */
  "connect_unreachable",
  /** The upstream's host name has no address. */
  "connect_unresolved",
  /** The TLS handshake with the upstream failed: it has the wrong certificate, or none, or does not speak TLS. */
  "upstream_tls_failed",
  /** Dialling failed for any other cause. */
  "connect_failed",
  /** The upstream's address is one that this process listens on, so ringway did not dial it. */
  "own_address",
  /** DNS answered only with addresses that `dnsAllow` forbids. */
  "dns_denied",
  /** The client's network is not admitted. */
  "access_denied",
  /** The listener has reached its limit of relays. */
  "listener_full",
  /** All listeners together have reached their limit of relays. */
  "total_full",
  /** The client has reached its limit of relays. */
  "client_full",
  /** The client exceeds its rate limit. */
  "client_rate",
  /** The client's network (IPv4: /24, IPv6: /48) has reached its limit of relays. */
  "network_full",
  /** The client's network exceeds its rate limit. */
  "network_rate",
  /** The PROXY header was wrong or missing. */
  "preamble_invalid",
  /** The client sent a PROXY header from a network that is not trusted. */
  "preamble_untrusted",
  /** The PROXY header was not complete in time. */
  "preamble_timeout",
  /** Too many clients waited for their PROXY header, and this one was the oldest. */
  "preamble_full",
  /** The client's ClientHello breaks the rules of TLS, or was not complete when the client ended. */
  "tls_hello_invalid",
  /** The ClientHello was not complete in time. */
  "tls_hello_timeout",
  /** No route is for the name and the protocols that the client asks for, or the one that is refuses. */
  "tls_no_route",
  /** The client does not speak TLS, and no route is for that. */
  "tls_plain_text",
  /** There are as many TLS handshakes in a second as the listener may have. */
  "tls_handshake_rate",
  /** There are as many as this client may have. */
  "tls_client_handshake_rate",
  /** The client's TLS handshake was not complete in time. */
  "tls_handshake_timeout",
  /** Client and listener have no version of TLS, or no cipher, in common. */
  "tls_no_shared_version",
  /** The client must prove who it is, and has shown no certificate. */
  "tls_no_certificate",
  /** The client's certificate is not of the authorities, not valid now, or has none of the allowed names. */
  "tls_client_rejected",
  /** The client's TLS handshake has failed for any other cause, or was cut short. */
  "tls_handshake_failed",
  /** After its handshake the client broke the rules of TLS: a record was changed, or it asked to renegotiate. */
  "tls_record_invalid",
  /** The listener's route function refused the client. */
  "route_refused",
  /** The listener's route function failed, and the listener refuses clients without its answer. */
  "route_failed",
  /** No upstream takes relays: all are down, drained or were tried. */
  "no_upstream",
  /** All upstreams have reached their limits of relays. */
  "upstreams_full",
  /** All upstreams are full, and so is the queue. */
  "queue_full",
  /** All upstreams are full, and none had room in time. */
  "queue_timeout",
  /** No upstream could be reached while the client was held. */
  "hold_timeout",
  /**
   * The process has no descriptor left for the upstream's connection; or descriptors were scarce,
   * and the client had not sent its header yet.
   */
  "descriptor_limit",
  /** The pool was empty, and bytes of this relay had not moved for long. */
  "memory_limit",
  /** There was no traffic for the idle timeout. */
  "idle_timeout",
  /** The client sent nothing for its idle timeout. */
  "client_idle_timeout",
  /** The upstream sent nothing for its idle timeout. */
  "upstream_idle_timeout",
  /** The relay reached its maximum age. */
  "lifetime",
  /** One end had sent FIN, and nothing moved for the half-close timeout. */
  "half_close_timeout",
  /** The proxy was stopped, and the drain timeout was over. */
  "drain",
  /** Its upstream went down or was removed, and its relays end with it. */
  "upstream_gone",
  /** An administrator cut it. */
  "admin",
  /** Its worker failed because of a defect. */
  "worker_failed",
  /**
   * This machine could not dial, whatever the upstream: it lacks a local port or address, or memory
   * for a socket, or a filter forbids the dial.
   */
  "local_limit",
  /** The client left more replies unread than a listener of mode `valkey` keeps for it. */
  "client_slow",
  /** In mode `valkey`, the client or its upstream broke the Redis protocol. */
  "protocol_invalid",
] as const;

/** One of the {@link reasons}. */
export type Reason = (typeof reasons)[number];

const numbers: ReadonlyMap<string, number> = new Map(reasons.map((one, number) => [one, number]));

/** A reason's index in {@link reasons}. */
export function numberOfReason(reason: Reason): number {
  return numbers.get(reason) as number;
}

/** The side that a reason belongs to; `null` for those that ringway itself decides. */
export function sideOf(reason: Reason): Side | null {
  if (reason.startsWith("client_")) return Side.Client;
  if (reason.startsWith("upstream_") || reason.startsWith("connect_")) return Side.Upstream;
  return null;
}

/** Why there is no room for a client now. There may be some soon, when others leave. */
export type FullReason = "listener_full" | "total_full";

/** Whether a reason is a {@link FullReason}. */
export function isFull(reason: Reason | null): reason is FullReason {
  return reason === "listener_full" || reason === "total_full";
}
