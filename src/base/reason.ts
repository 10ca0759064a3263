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
  /** The client's connection was reset; without a dial: before it was known whose it was. */
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
  /** The upstream turned out to be something that this very process listens on: that is not dialled. */
  "own_address",
  /** DNS has answered with addresses only that it may not answer with. */
  "dns_denied",
  /** The client is in a network that may not come in. */
  "access_denied",
  /** The listener has as many relays as it may have. */
  "listener_full",
  /** All listeners together have as many relays as they may have. */
  "total_full",
  /** The client has as many relays as it may have. */
  "client_full",
  /** The client connects more often than it may. */
  "client_rate",
  /** The client's network (IPv4: /24, IPv6: /48) has as many relays as it may have. */
  "network_full",
  /** Clients of its network connect more often than they may. */
  "network_rate",
  /** The PROXY header was wrong or missing. */
  "preamble_invalid",
  /** A PROXY header is required, and the client's network is none that may send one. */
  "preamble_untrusted",
  /** The PROXY header was not complete in time. */
  "preamble_timeout",
  /** The PROXY header was not here yet, and more others than may wait for theirs came after it. */
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
  /** The listener's route function lets this client not in. */
  "route_refused",
  /** The listener's route function has failed, and nobody comes in without it. */
  "route_failed",
  /** No upstream may get relays: all are down, drained or were tried. */
  "no_upstream",
  /** All upstreams have as many relays as they may have. */
  "upstreams_full",
  /** As before, and as many relays wait as may wait. */
  "queue_full",
  /** As before, and none had room in time. */
  "queue_timeout",
  /** No upstream could be reached for as long as a client is held. */
  "hold_timeout",
  /**
   * The process has no descriptor left for the upstream's connection; or they had become scarce, and the
   * client had not shown yet who it is.
   */
  "descriptor_limit",
  /** Memory had run out for all, and bytes of this relay had not moved for long. */
  "memory_limit",
  /** Nothing was received or sent for the idle timeout. */
  "idle_timeout",
  /** The client, or the upstream, has sent nothing for its idle timeout. */
  "client_idle_timeout",
  "upstream_idle_timeout",
  /** It has lived as long as relays of its listener may. */
  "lifetime",
  /** One end had sent FIN and the other direction stood still for the half-close timeout. */
  "half_close_timeout",
  /** The proxy was stopped and the drain timeout was over. */
  "drain",
  /** Its upstream is down or was taken away, and its relays are not to outlive that. */
  "upstream_gone",
  /** Somebody who may administer the proxy has cut it. */
  "admin",
  /** The worker that carried it has met a defect. */
  "worker_failed",
  /**
   * This machine could not dial, whatever the upstream: it has no local port or address left, no memory for
   * a socket, or a filter that forbids it.
   */
  "local_limit",
] as const;

/** One of the {@link reasons}. */
export type Reason = (typeof reasons)[number];

const numbers: ReadonlyMap<string, number> = new Map(reasons.map((one, number) => [one, number]));

/** A reason's place among the {@link reasons}, for tables. */
export function numberOfReason(reason: Reason): number {
  return numbers.get(reason) as number;
}

/** The side that a reason belongs to; `null` for those that ringway itself decides. */
export function sideOf(reason: Reason): Side | null {
  if (reason.startsWith("client_")) return Side.Client;
  if (reason.startsWith("upstream_") || reason.startsWith("connect_")) return Side.Upstream;
  return null;
}

/** Why there is no room, which others make by leaving. */
export type FullReason = "listener_full" | "total_full";

/** Whether it is room that a client lacks: there may be some soon. */
export function isFull(reason: Reason | null): reason is FullReason {
  return reason === "listener_full" || reason === "total_full";
}
