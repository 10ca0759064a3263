import type { Reason } from "./reason.ts";

/** What a person should know about a reason: for `ringway help reasons` and docs/end-reasons.md. */
export interface ReasonText {
  /** What happened. */
  readonly meaning: string;
  /** Why that usually happens. */
  readonly cause: string;
  /** What to do about it. */
  readonly advice: string;
}

/** Every reason in plain words. */
export const reasonTexts: Readonly<Record<Reason, ReasonText>> = {
  client_fin: {
    meaning: "The client ended the connection first (FIN). Every byte was delivered.",
    cause: "The normal end.",
    advice: "Nothing.",
  },
  upstream_fin: {
    meaning: "The upstream ended the connection first (FIN). Every byte was delivered.",
    cause: "The normal end of many protocols, or an idle timeout of the upstream.",
    advice: "Nothing. If clients complain, compare the upstream's own timeouts.",
  },
  client_reset: {
    meaning: "The client's connection was reset, perhaps before ringway could accept it.",
    cause: "The client crashed, was killed, gave up, or closed with unread data.",
    advice: "Look at the client. A port scan or a TCP check of a load balancer does this too.",
  },
  upstream_reset: {
    meaning: "The upstream's connection was reset.",
    cause: "The upstream crashed, was restarted or killed the connection.",
    advice: "Look into the upstream's log at that time.",
  },
  connect_refused: {
    meaning: "The upstream refused the connection. Nothing listens on that port or socket.",
    cause: "The upstream is not running, or the address is wrong.",
    advice: "Start it or correct the address. Add a second upstream and `check`.",
  },
  connect_timeout: {
    meaning: "The upstream did not answer within `connectTimeout`.",
    cause: "A firewall drops packets, the host is off, or the upstream's accept queue is full.",
    advice: "Try it with `nc -vz HOST PORT` from this machine.",
  },
  connect_unreachable: {
    meaning: "There is no route to the upstream, or no local address to reach it from.",
    cause: "Routing, a missing IPv6 address, or a network interface that is down.",
    advice: "Look at `ip route get ADDRESS`.",
  },
  connect_unresolved: {
    meaning: "The upstream's host name has no address.",
    cause: "A typing error, or DNS has never answered since the start.",
    advice: "Look it up with `getent hosts NAME`. See `dnsServers`.",
  },
  upstream_tls_failed: {
    meaning: "The TLS handshake with the upstream failed.",
    cause:
      "Its certificate has expired, is for another name, or is of an authority that is not trusted; or it speaks no TLS.",
    advice: "The log says which it is. See `upstreamTlsName` and `upstreamTlsCa`.",
  },
  connect_failed: {
    meaning: "Dialling the upstream failed for another cause, which the log names.",
    cause: "Permissions of a unix socket, for example.",
    advice: "Look for the upstream's address in the log.",
  },
  own_address: {
    meaning: "The upstream's address turned out to be one that ringway itself listens on.",
    cause: "A name or service in DNS leads back to this proxy.",
    advice: "Correct the name. Such a dial would never end.",
  },
  dns_denied: {
    meaning: "DNS answered only with addresses that `dnsAllow` forbids.",
    cause: "The service moved to another network, or a DNS answer is forged.",
    advice: "Check the answer. If it is right, extend `dnsAllow`.",
  },
  access_denied: {
    meaning:
      "`allow` and `deny` do not admit the client's network, or its upstream no longer accepts its password (mode `valkey`).",
    cause: "A client from elsewhere, a network missing from the list, or a changed password.",
    advice: "Nothing, or add the network to `allow`, or give the client the new password.",
  },
  listener_full: {
    meaning: "The listener has as many relays as `maxRelays` allows.",
    cause: "More clients than planned, or clients that never close.",
    advice: 'Raise `maxRelays`, set `idleTimeout`, or let clients wait: `whenFull = "wait"`.',
  },
  total_full: {
    meaning: "All listeners together have as many relays as `totalRelays` allows.",
    cause: "As for `listener_full`.",
    advice: "Raise `totalRelays`, or give the busiest listener a `maxRelays`.",
  },
  client_full: {
    meaning: "The client has as many relays as `maxRelaysPerClient` allows.",
    cause: "A connection pool that is too large, or many users behind one address.",
    advice: "Reduce the client's pool, or raise the limit.",
  },
  client_rate: {
    meaning: "The client connects more often than `clientRate` and `clientBurst` allow.",
    cause: "A client that reconnects in a loop, or without a connection pool.",
    advice: "Fix the client, or raise `clientBurst` for short bursts.",
  },
  network_full: {
    meaning: "The client's network (IPv4: /24, IPv6: /48) has `maxRelaysPerNetwork` relays.",
    cause: "A flood from one network, or an office behind one network.",
    advice: "Raise the limit if these clients are yours.",
  },
  network_rate: {
    meaning: "Clients of one network connect more often than `networkRate` allows.",
    cause: "As for `network_full`.",
    advice: "Raise `networkRate` or `networkBurst` if these clients are yours.",
  },
  preamble_invalid: {
    meaning: "The PROXY header is wrong, or missing where it is required.",
    cause: "Somebody connects directly, or the load balancer in front does not send it.",
    advice: 'Turn it on in front (`send-proxy-v2`), or set `proxyProtocol = "optional"`.',
  },
  preamble_untrusted: {
    meaning: "The client began with a PROXY header but is not in `proxyProtocolFrom`.",
    cause: "A new load balancer, or a client that pretends to be another one.",
    advice: "Add the load balancer's address to `proxyProtocolFrom`.",
  },
  preamble_timeout: {
    meaning: "The PROXY header was not complete within `preambleTimeout`.",
    cause: "A port scan, or a check that connects and says nothing.",
    advice: "Nothing, if checks cause it. Otherwise look at the load balancer in front.",
  },
  preamble_full: {
    meaning: "Too many connections waited for their PROXY header; this was the oldest.",
    cause: "A flood of connections that say nothing.",
    advice: "Admit only the load balancers: `allow`.",
  },
  tls_hello_invalid: {
    meaning: "The client's TLS greeting (ClientHello) breaks the rules, or was cut short.",
    cause: "A broken client, a scan, or a check that connects and says nothing.",
    advice: "Nothing, if checks cause it. Otherwise try the client with `openssl s_client`.",
  },
  tls_hello_timeout: {
    meaning: "The client's TLS greeting (ClientHello) was not complete within `helloTimeout`.",
    cause: "A client that waits for the server to speak first, or a slow or hostile one.",
    advice: "Add a route with `plain` if such clients are yours.",
  },
  tls_no_route: {
    meaning: "No route takes the host name and protocols that the client asks for.",
    cause: "A name that is missing in `routes`, a route with `refuse`, or a scan by address.",
    advice: "The access log has the name (`tlsName`). Add a route, or one without names.",
  },
  tls_plain_text: {
    meaning: "The client does not speak TLS, and no route has `plain`.",
    cause: "A client with the wrong port or without TLS, or a scan.",
    advice: "Turn on TLS in the client, or add a route with `plain`.",
  },
  tls_handshake_rate: {
    meaning: "The listener has `tlsHandshakeRate` TLS handshakes per second.",
    cause: "A flood of new connections, or clients that connect for each request.",
    advice: "Have clients keep their connections or resume sessions, or raise the limit.",
  },
  tls_client_handshake_rate: {
    meaning: "The client has `tlsClientHandshakeRate` TLS handshakes per second.",
    cause: "A client that connects for each request, or a flood from one address.",
    advice: "Have the client keep its connections, or raise the limit.",
  },
  tls_handshake_timeout: {
    meaning: "The client's TLS handshake was not complete within `tlsHandshakeTimeout`.",
    cause: "A client that waits for the server to speak first, or a slow or hostile one.",
    advice: "Try the client with `openssl s_client`. A flood of them is limited by `clientRate`.",
  },
  tls_no_shared_version: {
    meaning: "Client and listener have no version of TLS, or no cipher suite, in common.",
    cause: "A client that is too old: only TLS 1.2 and 1.3 are accepted.",
    advice: "Update the client. Look at `tlsMinVersion` and `tlsCiphers`.",
  },
  tls_no_certificate: {
    meaning: "The client showed no certificate, and `tlsVerify` is `required`.",
    cause: "A client that is not set up for it, or a scan.",
    advice: "Give the client a certificate, or set `tlsVerify` to `optional`.",
  },
  tls_client_rejected: {
    meaning:
      "The client's certificate is not signed by `tlsCa`, is not valid now, or has none of the names in `tlsAllow`.",
    cause: "An expired certificate, another authority, or a client that is not allowed.",
    advice: "Look at the certificate with `openssl x509 -text`. The access log has `tlsClient`.",
  },
  tls_handshake_failed: {
    meaning: "The client's TLS handshake failed for another cause, or the client left during it.",
    cause: "The client does not trust the certificate, or offers no protocol of `tlsAlpn`.",
    advice: "Try the client with `openssl s_client`, and look at its own error.",
  },
  tls_record_invalid: {
    meaning: "After its handshake, the client sent what TLS does not allow.",
    cause: "Records changed on the way, a client that asks for a renegotiation, or an attack.",
    advice: "Nothing for single ones. Otherwise look at what is between the client and ringway.",
  },
  route_refused: {
    meaning: "The listener's route function refused the client.",
    cause: "The function answered `{ refuse: true }`.",
    advice: "Nothing, or change the function.",
  },
  route_failed: {
    meaning: "The route function failed or was late, and `routeFailure` is `refuse`.",
    cause: "It threw, or took longer than `routeTimeout`.",
    advice: "The log has what it threw.",
  },
  no_upstream: {
    meaning: "No upstream takes relays: all are down, drained, or failed to answer.",
    cause: "An outage, or checks that do not fit the server.",
    advice: "`ringway upstreams` says why each one is out. See `holdTimeout`.",
  },
  upstreams_full: {
    meaning: "Every upstream that is up has as many relays as its `maxRelays` allows.",
    cause: "More clients than planned.",
    advice: "Raise `maxRelays`, add an upstream, or let clients wait: `queueTimeout`.",
  },
  queue_full: {
    meaning: "As `upstreams_full`, and `queueSize` clients already wait.",
    cause: "Upstreams are too slow for the load.",
    advice: "Add upstreams. A longer queue only makes clients wait longer.",
  },
  queue_timeout: {
    meaning: "The client waited for `queueTimeout`, and no upstream had room.",
    cause: "As for `queue_full`.",
    advice: "Add upstreams, or raise `maxRelays`.",
  },
  hold_timeout: {
    meaning: "The client was held for `holdTimeout`, and no upstream came back.",
    cause: "The failover took longer than that.",
    advice: "Find out how long a failover takes, and set `holdTimeout` above it.",
  },
  descriptor_limit: {
    meaning: "The process ran out of file descriptors.",
    cause: "`ulimit -n` is too low: a relay needs two.",
    advice: "Raise it (`LimitNOFILE=` in systemd), or set `totalRelays`.",
  },
  memory_limit: {
    meaning: "Buffers ran out, and bytes of this relay had not moved for 10 s.",
    cause: "Clients or upstreams that do not read what they asked for.",
    advice: "Look at its other end. Raise `segmentCount` for many slow readers.",
  },
  idle_timeout: {
    meaning: "There was no traffic in either direction for `idleTimeout`.",
    cause: "A forgotten connection.",
    advice: "Nothing, or raise it above the pause that clients make.",
  },
  client_idle_timeout: {
    meaning: "The client sent nothing for `clientIdleTimeout`.",
    cause: "A client that only listens, such as a subscriber.",
    advice: "Raise it, or give subscribers a listener of their own.",
  },
  upstream_idle_timeout: {
    meaning: "The upstream sent nothing for `upstreamIdleTimeout`.",
    cause: "A query that takes long, or an upstream that hangs.",
    advice: "Raise it above the longest query.",
  },
  lifetime: {
    meaning: "The relay reached the age that `lifetime` allows.",
    cause: "The setting.",
    advice: "Nothing: clients connect again, perhaps to another upstream.",
  },
  half_close_timeout: {
    meaning: "One end had finished, and nothing moved for `halfCloseTimeout` after that.",
    cause: "The other end forgot to close its connection.",
    advice: "Look at the end that did not close.",
  },
  drain: {
    meaning: "ringway was stopped, and this relay was still running after `drainTimeout`.",
    cause: "A long request or a client that is never idle.",
    advice: "Raise `drainTimeout` if a stop may take longer.",
  },
  upstream_gone: {
    meaning: "Its upstream went down or was removed, and its relays were to end with it.",
    cause: "`onDown`, `onUp`, `onRemove`, or a drain by hand with a time.",
    advice: "Nothing: clients connect again, to another upstream.",
  },
  admin: {
    meaning: "An administrator cut this relay on the admin page or by the API.",
    cause: "`DELETE /api/relays/ID`.",
    advice: "Nothing. The log says when.",
  },
  worker_failed: {
    meaning: "The worker that carried the relay met a defect and was replaced.",
    cause: "A defect of ringway.",
    advice: "Please report it with the stack trace from the log.",
  },
  local_limit: {
    meaning: "This machine could not dial, whatever the upstream.",
    cause: "No local port, no memory for a socket, or a local packet filter.",
    advice: "Look at `net.ipv4.ip_local_port_range`, the memory and the packet filter.",
  },
  client_slow: {
    meaning: "The client left more than `valkeyBacklog` of its replies unread, for a second.",
    cause: "A client that hangs, asks for more than it can take, or sends a long pipeline first.",
    advice: "Look at the client. Raise `valkeyBacklog` if such replies are yours.",
  },
  protocol_invalid: {
    meaning: "The client or the upstream broke the Redis protocol (mode `valkey`).",
    cause: "A client or server of another protocol, a wrong port, or a scan.",
    advice: "Try both with `valkey-cli`. A client is told what was wrong before it is closed.",
  },
};
