// Written by `npm run settings` from src/config/table: change that instead.
import type { Route } from "../entry/route/connection.ts";
import type { CertificateConfig } from "./certificate-pairs.ts";
import type { NameRouteConfig } from "./name-routes.ts";

/** `"500ms"`, `"5s"`, `"2m"`, `"1h"`, or a number of seconds. */
export type Duration = string | number;

/** `"50us"`, `"5ms"`, `"1s"`, or a number of seconds. */
export type ShortDuration = string | number;

/** `"64KiB"`, `"64k"`, `"1MiB"`, or a number of bytes. */
export type Size = string | number;

/** A switch: `true` and `"on"` are the same. */
export type OnOff = boolean | "on" | "off";

/** One upstream: its address, or a table with its settings. */
export type UpstreamConfig = string | UpstreamTable;

/** An upstream with its settings. */
export interface UpstreamTable {
  /** Where it is, such as db:5432, unix:/path or srv:_redis._tcp.example.org. Settings of a service
   *  apply to each of its members. */
  readonly address: string;
  /** Its share of new relays, relative to the others' weights; 0 gets none (0…256). Not for a
   *  service: its records have weights. @default 1 */
  readonly weight?: number | string;
  /** Use it only if no other upstream is up or can be reached. @default false */
  readonly backup?: boolean | "true" | "false";
  /** The most relays that it may have at once; 0 for any number. Counted for all workers together.
   *  @default 0 */
  readonly maxRelays?: number | string;
  /** How it is checked: on (like its listener), off, or a kind of its own. @default "on" */
  readonly check?:
    | "on"
    | "off"
    | "tcp"
    | "redis"
    | "redis-primary"
    | "redis-replica"
    | "postgres"
    | "http"
    | "send-expect"
    | boolean;
  /** What to check instead of it: an address, :PORT of its own host, or none. By default, as its
   *  listener. */
  readonly checkAddress?: string;
  /** Begin connections to it with a PROXY header (off, v1 or v2). By default, as its listener. */
  readonly sendProxyProtocol?: "off" | "v1" | "v2";
  /** Speak TLS to it, or not; instead of its listener's upstreamTls. tls://host:port says the same
   *  as on. The other settings of TLS are its listener's. */
  readonly upstreamTls?: OnOff;
  /** The name that its certificate must be issued for; instead of its listener's. */
  readonly upstreamTlsName?: string;
  /** What happens to its relays when it goes down (keep, close or a time of 0…24h). By default, as
   *  its listener. */
  readonly onDown?: Duration | "keep" | "close";
}

/** Health checks, and what follows from them; part of each listener's settings. */
export interface HealthSettings {
  /** How upstreams are checked (none, tcp, redis, redis-primary, redis-replica, postgres, http or
   *  send-expect). redis-primary and redis-replica also check the role, and redis-replica the link
   *  to its primary. postgres asks whether the server accepts logins. @default "none" */
  readonly check?:
    | "none"
    | "tcp"
    | "redis"
    | "redis-primary"
    | "redis-replica"
    | "postgres"
    | "http"
    | "send-expect";
  /** The time between two checks of an upstream (100ms…1h). Four times shorter while the upstream
   *  is changing. @default "2s" */
  readonly checkInterval?: Duration;
  /** How far the time between two checks varies at random, in percent (0…50). So the checks of many
   *  upstreams or proxies do not all happen at once. @default 10 */
  readonly checkJitter?: number | string;
  /** A check that takes longer than this has failed (10ms…1h). @default "1s" */
  readonly checkTimeout?: Duration;
  /** An upstream that is down comes up after this many successful checks in a row (1…100).
   *  @default 2 */
  readonly checkRise?: number | string;
  /** An upstream goes down after this many failed checks in a row (1…100). After the first one if
   *  it has never passed a check. @default 3 */
  readonly checkFall?: number | string;
  /** Check this address instead of the upstream's own; :PORT is a port of its own host.
   *  @default "none" */
  readonly checkAddress?: string;
  /** Begin checks with a PROXY header: off, v1, v2 or auto (as relays do, unless checks go to
   *  another address). The header names no client (v2 LOCAL, v1 UNKNOWN). @default "auto" */
  readonly checkProxyProtocol?: "auto" | "off" | "v1" | "v2";
  /** The user of redis and postgres checks. Postgres logs a failed login for a user that it does
   *  not know. */
  readonly checkUser?: string;
  /** The password of redis checks. file:PATH reads it from a file, which keeps it hidden. */
  readonly checkPassword?: string;
  /** The path that http checks ask for. */
  readonly checkPath?: string;
  /** The Host header of http checks. By default, the address that is checked. */
  readonly checkHost?: string;
  /** The statuses that http checks expect, such as 200 or 200-299. */
  readonly checkStatus?: number | string;
  /** What send-expect checks send; \r, \n, \t and \xHH in it are bytes. */
  readonly checkSend?: string;
  /** What must come back: text with the same escapes, or a /regular expression/. */
  readonly checkExpect?: string;
  /** Check by TLS. A postgres check first asks the server for it. The certificate must be valid,
   *  signed by a trusted authority, and issued for the host being checked. Unless given, an
   *  upstream is checked as relays reach it: by TLS if it gets TLS, but not at a checkAddress. */
  readonly checkTls?: OnOff;
  /** The name that the certificate must be issued for, instead of the host that is checked.
   *  @default "none" */
  readonly checkTlsName?: string;
  /** Whether the certificate is verified. @default "on" */
  readonly checkTlsVerify?: OnOff;
  /** A file of trusted authorities (PEM), instead of those built in. Read again at each reload.
   *  @default "none" */
  readonly checkTlsCa?: string;
  /** A file with the certificate that checks present when asked (PEM). @default "none" */
  readonly checkTlsCert?: string;
  /** A file with that certificate's key, without a passphrase (PEM). @default "none" */
  readonly checkTlsKey?: string;
  /** Protocols to offer by ALPN, such as h2,http/1.1. @default "none" */
  readonly checkTlsAlpn?: string;
  /** Keep new relays away from an upstream after this many failed dials in a row; 0 for never
   *  (0…1,000). @default 3 */
  readonly ejectAfter?: number | string;
  /** How long to keep them away at first (100ms…1h). Up to ten times as long if it happens again.
   *  @default "30s" */
  readonly ejectTime?: Duration;
  /** Treat all upstreams as up when less than this percentage of the weight is up; 0 for never
   *  (0…100). @default 0 */
  readonly panicThreshold?: number | string;
  /** The time over which an upstream that came up again reaches its full weight (100ms…1h).
   *  @default "off" */
  readonly slowStart?: Duration | "off" | false;
  /** What happens to the relays of an upstream that goes down (keep, close or a time of 0…24h).
   *  They go on (keep), end at once (close), or end within the time. @default "keep" */
  readonly onDown?: Duration | "keep" | "close";
  /** What happens to the relays of backups when a check finds a primary up again (keep, close or a
   *  time of 0…24h). @default "keep" */
  readonly onUp?: Duration | "keep" | "close";
  /** What happens to the relays of an upstream that a reload removes (keep, close or a time of
   *  0…24h). @default "keep" */
  readonly onRemove?: Duration | "keep" | "close";
}

/** What happens to a client before its relay; part of each listener's settings. */
export interface EdgeSettings {
  /** Admit only clients of these networks, such as 10.0.0.0/8,::1 or file:PATH. Separated by
   *  commas, or a list. A file has one per line and is read again at each reload. The most specific
   *  network of allow and deny decides. */
  readonly allow?: string | readonly string[];
  /** Do not admit clients of these networks. */
  readonly deny?: string | readonly string[];
  /** The most relays at once; 0 for any number. Counted for all workers together. @default 0 */
  readonly maxRelays?: number | string;
  /** What happens to a client that connects when the limit is reached (refuse or wait). Clients
   *  wait in order, at most queueSize for each worker. A sink always refuses. @default "refuse" */
  readonly whenFull?: "refuse" | "wait";
  /** The longest time that such a client waits (1ms…1h). @default "30s" */
  readonly fullTimeout?: Duration;
  /** The most relays of one client at once; 0 for any number. A client is an IPv4 address or an
   *  IPv6 /64. @default 0 */
  readonly maxRelaysPerClient?: number | string;
  /** Connections per second of one client in the long run (0.001…1,000,000). @default "off" */
  readonly clientRate?: number | string | false;
  /** How many connections a client may open at once after a rest. @default 20 */
  readonly clientBurst?: number | string;
  /** The most relays of one network at once (IPv4: a /24, IPv6: a /48); 0 for any number.
   *  @default 0 */
  readonly maxRelaysPerNetwork?: number | string;
  /** Connections per second of such a network in the long run (0.001…1,000,000). @default "off" */
  readonly networkRate?: number | string | false;
  /** How many connections a network may open at once after a rest. @default 100 */
  readonly networkBurst?: number | string;
  /** Bytes per second that each relay carries from its client (1KiB…1GiB). After a rest, a quarter
   *  of a second's worth passes at once (16KiB…4MiB), the rest evenly. While a client sends more
   *  than that, ringway does not read from it, and no timeout counts that time. @default "off" */
  readonly upRate?: Size | "off" | false;
  /** Bytes per second that each relay carries to its client (1KiB…1GiB). @default "off" */
  readonly downRate?: Size | "off" | false;
  /** How to turn away clients that are not admitted (reset, close or a time of 100ms…1h). reset
   *  sends RST, close sends FIN. A time reads nothing for that long, then resets; earlier if the
   *  client ends its connection or descriptors become scarce. @default "reset" */
  readonly refuse?: Duration | "reset" | "close";
  /** Whether clients begin with a PROXY header (off, optional or required). Networks, limits, the
   *  log and hash then use the client that it names. @default "off" */
  readonly proxyProtocol?: "off" | "optional" | "required";
  /** Networks whose PROXY headers are trusted, file:PATH, or any. No other client may begin with
   *  one. Needed with optional. With required it defaults to any, with a warning. */
  readonly proxyProtocolFrom?: string | readonly string[];
  /** The PROXY header must arrive within this time (10ms…1h). If headers are optional, a client
   *  that sends nothing counts as one without a header. At most an eighth of a worker's
   *  descriptors, 16 to 1,024, wait for their header at a listener. When one more comes, the oldest
   *  is refused if it has been silent for a second (preamble_full). @default "5s" */
  readonly preambleTimeout?: Duration;
  /** Choose among the upstreams by the host name and protocols that a TLS client asks for. TLS is
   *  not ended: ringway reads the ClientHello (SNI, ALPN) and passes it on. Routes are tables, or a
   *  text such as
   *  a.test=10.0.0.1:443,*.b.test+alpn:h2=10.0.0.2:443,plain=10.0.0.3:80,default=refuse. Exact
   *  names go before wildcards, those before protocols alone (alpn), those before the default,
   *  which has none of them. plain is for clients without TLS. A client without a route is refused
   *  with an alert (tls_no_route). @default "off" */
  readonly routes?: string | readonly NameRouteConfig[] | "off" | false;
  /** The ClientHello must be complete within this time (10ms…1h). A client that has said nothing by
   *  then counts as one without TLS if a route has plain. @default "5s" */
  readonly helloTimeout?: Duration;
  /** Begin connections to upstreams with a PROXY header (off, v1 or v2). v2 has a checksum, a
   *  unique id, what else the client's own header had, and where routes are, the host name of the
   *  ClientHello, and its protocol if that is the only one. @default "off" */
  readonly sendProxyProtocol?: "off" | "v1" | "v2";
}

/** The TLS of clients, if it ends here; part of each listener's settings. */
export interface TlsSettings {
  /** End the clients' TLS with this certificate and those that lead to its authority (PEM). With
   *  none, a listener does not use the one at the top. Such listeners run on the sockets engine.
   *  Certificates, keys and authorities are read again whenever their files change: new clients get
   *  the new one, and connections go on. @default "none" */
  readonly tlsCert?: string;
  /** A file with the key of tlsCert, without a passphrase (PEM). @default "none" */
  readonly tlsKey?: string;
  /** Several certificates, chosen by the host name that the client asks for (SNI). Tables with
   *  cert, key and names, or a text such as a.pem+a.key,b.pem+b.key. Names come from the
   *  certificate unless given. An exact name goes before a wildcard. Clients that ask for another
   *  name, or for none, get the first certificate, which is tlsCert if there is one. @default "off"
   *  */
  readonly tlsCertificates?: string | readonly CertificateConfig[] | "off" | false;
  /** Whether clients must prove who they are with a certificate (none, optional or required). With
   *  optional, a client may show none, but not a wrong one. There are no revocation lists.
   *  @default "none" */
  readonly tlsVerify?: "none" | "optional" | "required";
  /** A file with the authorities of clients' certificates (PEM), for tlsVerify. @default "none" */
  readonly tlsCa?: string;
  /** Names that a client's certificate must have one of, such as *.apps.example.org. Compared with
   *  the common name, DNS names, URIs and mail addresses. * stands for any characters. Separated by
   *  commas, or a list. @default "none" */
  readonly tlsAllow?: string | readonly string[];
  /** The lowest version of TLS that is accepted (1.2 or 1.3). @default "1.2" */
  readonly tlsMinVersion?: "1.2" | "1.3";
  /** Cipher suites for TLS 1.2, as OpenSSL writes them; none for those built in. Those of TLS 1.3
   *  are fixed. @default "none" */
  readonly tlsCiphers?: string;
  /** Application protocols to agree on (ALPN), the preferred one first, such as h2,http/1.1. A
   *  client that offers only others gets an alert. @default "none" */
  readonly tlsAlpn?: string;
  /** How clients ask for TLS before it begins (off or postgres). With postgres, ringway answers
   *  Postgres' request for TLS itself: it agrees where TLS ends here, and then a client without is
   *  refused, but for requests to cancel; else it declines, and the client decides. Clients that
   *  begin with TLS at once are taken, too. Not for a listener whose clients speak TLS with the
   *  upstream. @default "off" */
  readonly startTls?: "off" | "postgres";
  /** The TLS handshake must be complete within this time (10ms…1h). @default "10s" */
  readonly tlsHandshakeTimeout?: Duration;
  /** The most TLS handshakes per second, in all workers together (0.001…1,000,000). Clients beyond
   *  that are refused before a key is used for them (tls_handshake_rate). After a rest, a second's
   *  worth may come at once. @default "off" */
  readonly tlsHandshakeRate?: number | string | false;
  /** The most TLS handshakes per second of one client (0.001…1,000,000). Likewise
   *  (tls_client_handshake_rate). @default "off" */
  readonly tlsClientHandshakeRate?: number | string | false;
}

/** The route function; part of each listener's settings. */
export interface RouteSettings {
  /** A function that chooses an upstream for each connection, labels it or refuses it. In
   *  TypeScript only. It may be asynchronous. It runs in the main thread, so it should not take
   *  long. off turns off the function at the top for one listener. @default "off" */
  readonly route?: Route | "off" | false;
  /** The function must answer within this time (1ms…10s). @default "100ms" */
  readonly routeTimeout?: Duration;
  /** If it throws, is late or returns an invalid answer: relay as without it, or refuse.
   *  @default "relay" */
  readonly routeFailure?: "relay" | "refuse";
}

/** Copies of what upstreams get; part of each listener's settings. */
export interface MirrorSettings {
  /** Also copy what upstreams get to this address. Its answers are discarded, and no relay waits
   *  for it. none turns off the mirror at the top for one listener. @default "none" */
  readonly mirror?: string;
  /** How much of a relay may wait for the mirror. If more waits, ringway ends that copy
   *  (4KiB…16MiB). @default "1MiB" */
  readonly mirrorBuffer?: Size;
  /** The percentage of relays that are copied, chosen at random (1…100). @default 100 */
  readonly mirrorPercent?: number | string;
  /** Also copy what comes by TLS that ends here, or goes to upstreams by TLS. The mirror gets it as
   *  plain text. Without this, such relays are not copied. @default false */
  readonly mirrorPlainText?: OnOff;
}

/** The settings of a listener. At the top of a configuration they hold for all listeners. */
export interface ListenerSettings
  extends HealthSettings,
    EdgeSettings,
    TlsSettings,
    RouteSettings,
    MirrorSettings {
  /** Relay both ways (bidirectional), from client to upstream only (oneway), discard what clients
   *  send (sink), or let clients of Valkey share upstream connections (valkey). With oneway,
   *  ringway reads and discards what the upstream sends, so the upstream never stalls. A sink has
   *  no upstream. With valkey, ringway reads the Redis protocol, and many clients share few
   *  connections. @default "bidirectional" */
  readonly mode?: "bidirectional" | "oneway" | "sink" | "valkey";
  /** How an upstream is chosen for each relay (round-robin, least-relays, two-choices, random,
   *  first or hash). hash chooses by the client's address. @default "round-robin" */
  readonly balance?: "round-robin" | "least-relays" | "two-choices" | "random" | "first" | "hash";
  /** For hash: skip an upstream whose load exceeds this multiple of its fair share. 1…100. 1.25 is
   *  usual. @default "off" */
  readonly boundedLoad?: number | string | false;
  /** Backups also take the relays for which no other upstream has room (maxRelays). Otherwise those
   *  relays wait or are turned away. @default "off" */
  readonly backupWhenFull?: OnOff;
  /** How many upstreams to dial for one relay until one answers (1…16). None is dialled twice.
   *  @default 3 */
  readonly tries?: number | string;
  /** How many times to start over if none of them answers (0…100). @default 0 */
  readonly retries?: number | string;
  /** How long to pause before each retry (1ms…1h). @default "1s" */
  readonly retryPause?: Duration;
  /** How long all dials and waits of one relay may take together (1ms…24h). @default "off" */
  readonly dialBudget?: Duration | "off" | false;
  /** How long a relay waits for room when all upstreams are full (1ms…24h). First come, first
   *  served. @default "off" */
  readonly queueTimeout?: Duration | "off" | false;
  /** How many relays of one worker may wait for room. @default 1024 */
  readonly queueSize?: number | string;
  /** How long to hold a client while no upstream can be reached (1ms…24h). What it sends meanwhile
   *  is kept, up to the limit of one flow. @default "off" */
  readonly holdTimeout?: Duration | "off" | false;
  /** Dial from this address of the machine, or from two: one of IPv4 and one of IPv6. Checks and
   *  mirrors use it, too. Upstreams of the other family are dialled as usual. ringway refuses an
   *  address that this machine does not have. With the sockets engine all upstreams share the ports
   *  of such an address (some 28,000); with uring each upstream has them all. @default "none" */
  readonly sourceAddress?: string | readonly string[];
  /** End a relay after this much time without traffic in either direction (10s…720h). Up to 5 %
   *  later. @default "off" */
  readonly idleTimeout?: Duration | "off" | false;
  /** End a relay when its client has sent nothing for this long (10s…720h). @default "off" */
  readonly clientIdleTimeout?: Duration | "off" | false;
  /** End a relay when its upstream has sent nothing for this long (10s…720h). @default "off" */
  readonly upstreamIdleTimeout?: Duration | "off" | false;
  /** Let the kernel probe an end that has been silent for this long (10s…9h). @default "1m" */
  readonly keepAlive?: Duration | "off" | false;
  /** Permissions of the unix sockets to listen on, whatever the umask. At the top of a file, also
   *  for the admin server's socket. A socket without a file (unix:@name) has no permissions:
   *  everybody on the machine may connect, except to the admin server's. @default "0600" */
  readonly unixMode?: string;
  /** The user that owns these sockets, by name or number. By default, the user that started
   *  ringway. Any other one needs root's rights. */
  readonly unixUser?: string | number;
  /** The group that owns these sockets, by name or number. */
  readonly unixGroup?: string | number;
  /** Connections that may wait in the kernel to be accepted (1…65,535). At most net.core.somaxconn;
   *  ringway warns at its start if that is less. A reload changes it. @default 4096 */
  readonly backlog?: number | string;
  /** The time between two keep-alive probes (1s…1h). @default "10s" */
  readonly keepAliveInterval?: Duration;
  /** An end that leaves this many keep-alive probes unanswered is gone (1…127). @default 6 */
  readonly keepAliveProbes?: number | string;
  /** An end that has not acknowledged sent data for this long is gone (1s…24h). off leaves it to
   *  the system (about 15 minutes). @default "off" */
  readonly tcpUserTimeout?: Duration | "off" | false;
  /** End a relay at this age (1s…720h). Up to 10 % earlier, or a second later while its client
   *  waits for an answer. @default "off" */
  readonly lifetime?: Duration | "off" | false;
  /** Give up a dial to an upstream after this time (1ms…24h). @default "5s" */
  readonly connectTimeout?: Duration;
  /** After one end has finished, end the relay after this much time without traffic (1ms…24h).
   *  @default "1m" */
  readonly halfCloseTimeout?: Duration;
  /** What does the I/O: sockets, uring (io_uring, Linux) or auto. auto takes uring where it can run
   *  (Linux 6.7 and later), otherwise sockets (Bun's own). A reload moves a listener from one
   *  engine to the other and loses no connection. @default "auto" */
  readonly engine?: "auto" | "sockets" | "uring";
}

/** One of several listeners. */
export interface ListenerConfig extends ListenerSettings {
  /** The listener's name in the log. 1…63 letters, digits, dots, dashes and underscores. Each name
   *  is used once. */
  readonly name?: string;
  /** Where it accepts clients: an address or a list of them. Addresses with one name are one
   *  listener, with one set of limits. Without a name, each is a listener of its own. */
  readonly listen: string | readonly string[];
  /** Where its relays go: an upstream or a list of them. By default, those at the top. With mode
   *  sink there are none. */
  readonly upstreams?: UpstreamConfig | readonly UpstreamConfig[];
}

/** The settings of the uring engine. */
export interface UringConfig {
  /** A receive repeats by itself (multishot), or is started each time (single).
   *  @default "multishot" */
  readonly receive?: "multishot" | "single";
  /** One receive fills several buffers (IORING_RECVSEND_BUNDLE). Not with receiveMessages or
   *  incremental. @default "off" */
  readonly receiveBundles?: OnOff;
  /** Receive by RECVMSG instead of RECV. @default "off" */
  readonly receiveMessages?: OnOff;
  /** Fill buffers bit by bit (IOU_PBUF_RING_INC, Linux 6.12). @default "off" */
  readonly incremental?: OnOff;
  /** How received bytes are sent on (plain, message, zerocopy, zerocopy-message, ring or bundle).
   *  message gathers waiting bytes. zerocopy and zerocopy-message copy nothing. ring and bundle
   *  send from rings of buffers. @default "plain" */
  readonly send?: "plain" | "message" | "zerocopy" | "zerocopy-message" | "ring" | "bundle";
  /** When the kernel processes completions: when ringway waits for them (defer), or at any time in
   *  the kernel (coop). @default "defer" */
  readonly taskrun?: "defer" | "coop";
  /** Let a kernel thread submit; it sleeps after this much time without work (1ms…1m). SQPOLL;
   *  makes taskrun coop. @default "off" */
  readonly sqpoll?: Duration | "off" | false;
  /** Register sockets in the ring's table of files. @default "off" */
  readonly fixedFiles?: OnOff;
  /** Allocate buffers on huge pages. @default "off" */
  readonly hugePages?: OnOff;
  /** The number of submission entries (a power of two of 16…32,768). @default 1024 */
  readonly entries?: number | string;
  /** How many completions to wait for, or adaptive (1…4,096). @default "adaptive" */
  readonly waitCount?: number | string;
  /** Stop waiting after this, even if fewer completions have come (1us…1s). @default "100us" */
  readonly waitTimeout?: ShortDuration;
  /** Let other threads run before a wait: always, never or auto (with several workers).
   *  sched_yield. Not with waitCount, nor with sqpoll. @default "auto" */
  readonly yield?: "auto" | "always" | "never";
  /** Poll the network device: off, busy or prefer (instead of interrupts). @default "off" */
  readonly napi?: "off" | "busy" | "prefer";
  /** How long to poll the network device (1us…1s). @default "50us" */
  readonly napiTimeout?: ShortDuration;
  /** The size of a buffer of chatty flows (a power of two of 256…64KiB). @default "4KiB" */
  readonly bufferSize?: Size;
  /** How many of these buffers to provide at first (1…1,024). @default 64 */
  readonly bufferCount?: number | string;
  /** The size of a buffer of bulk flows (a power of two of 16KiB…4MiB). @default "1MiB" */
  readonly largeBufferSize?: Size;
}

/** A configuration as a person writes it. With one group of listeners: `listen`, `upstream`. With
 *  several: `listeners`, each with its own. */
export interface Config extends ListenerSettings {
  /** Accept clients here (repeatable). host:port, :port (all addresses), [ipv6]:port, unix:/path or
   *  unix:@name. Port 0 picks a free port; 5000-5010 is a range of ports. A host name stands for
   *  each of its addresses. On Linux a wide and a narrow address may share a port: the narrowest
   *  one gets the client. Not together with listeners. @default "127.0.0.1:6380" */
  readonly listen?: string | readonly string[];
  /** Relay them to here (repeatable), such as db:5432 or srv:_redis._tcp.example.org. host:port,
   *  [ipv6]:port, unix:/path, unix:@name, a service in DNS (SRV records), or a table with settings.
   *  A range of ports (5000-5010) pairs up with the listener's range, port by port. Beside a list
   *  of listeners, it is for those without upstreams. Without a file and an upstream, ringway
   *  relays to a demo server of its own. */
  readonly upstream?: UpstreamConfig | readonly UpstreamConfig[];
  /** Listeners with upstreams and settings of their own. */
  readonly listeners?: readonly ListenerConfig[];
  /** Settings of the uring engine. */
  readonly uring?: UringConfig;
  /** DNS servers to ask for names and services, such as 127.0.0.1:8600. Up to 8, separated by
   *  commas, asked in this order. system stands for those of the system. /etc/hosts always comes
   *  first, and search domains apply. @default "system" */
  readonly dnsServers?: string | readonly string[];
  /** Keep DNS answers for at least this long, whatever their TTL (1s…1h). A name whose address
   *  fails is looked up again anyway. @default "1s" */
  readonly dnsMinTtl?: Duration;
  /** Keep DNS answers for at most this long (1s…24h). @default "5m" */
  readonly dnsMaxTtl?: Duration;
  /** Dial only DNS answers in these networks, such as 10.0.0.0/8. 10.0.0.0/8:6379 and
   *  [fd00::/8]:6379-6389 also restrict the ports of services. ringway does not dial any other
   *  answer (dns_denied). @default "any" */
  readonly dnsAllow?: string | readonly string[];
  /** The most relays of all listeners together at once; 0 for any number. @default 0 */
  readonly totalRelays?: number | string;
  /** How long to keep accepting clients after a signal to stop, while /readyz says draining
   *  (1ms…1h). This gives load balancers time to notice. @default "off" */
  readonly drainDelay?: Duration | "off" | false;
  /** How long running relays may go on after a signal to stop (0…24h). @default "10s" */
  readonly drainTimeout?: Duration;
  /** The size of one buffer (a power of two of 4KiB…1MiB). @default "64KiB" */
  readonly segmentSize?: Size;
  /** The most buffers of a worker, which allocates them when needed. All buffers together:
   *  2MiB…64GiB. @default 4096 */
  readonly segmentCount?: number | string;
  /** Where to write a JSON line when a relay ends: none, stdout or the path of a file. SIGUSR1 and
   *  SIGHUP reopen a file. @default "none" */
  readonly accessLog?: string;
  /** Also write a line when a relay starts. @default "off" */
  readonly accessLogStarts?: OnOff;
  /** Also write a line this often while a relay runs (1s…24h). @default "off" */
  readonly accessLogEvery?: Duration | "off" | false;
  /** Permissions of an access log file that ringway creates, whatever the umask. An existing file
   *  keeps its own. @default "0640" */
  readonly accessLogMode?: string;
  /** The owner of an access log file that ringway creates, by name or number. */
  readonly accessLogUser?: string | number;
  /** The group of an access log file that ringway creates, by name or number. */
  readonly accessLogGroup?: string | number;
  /** Serve the admin page, the API and /metrics here. host:port, [ipv6]:port, unix:/path, or none.
   *  @default "none" */
  readonly admin?: string;
  /** The token that admin requests must show, or file:PATH. Needed if other machines can reach the
   *  address. 16…256 letters, digits and - . _ ~ + / =. @default "none" */
  readonly adminToken?: string;
  /** A second token, which allows requests to look but not to change anything. @default "none" */
  readonly adminReadToken?: string;
  /** When /readyz says ready: while listeners accept (accepting), or while each also has a healthy
   *  upstream that takes relays (upstreams). Checks and dials decide whether an upstream is
   *  healthy. A load balancer or Kubernetes then sends clients elsewhere. @default "accepting" */
  readonly readyWhen?: "accepting" | "upstreams";
  /** The form of the statistics at exit (text, json or none). @default "text" */
  readonly stats?: "text" | "json" | "none";
  /** Log every relay, and print more statistics. @default false */
  readonly verbose?: boolean | "true" | "false";
  /** Threads that relay, or auto for one per processor. 1…256. More than one on Linux only.
   *  @default 1 */
  readonly workers?: number | "auto";
  /** Become this user once all sockets are open (Linux, started as root). A name or a number.
   *  @default "none" */
  readonly user?: string | number;
  /** Also become this group. By default, the user's own. @default "none" */
  readonly group?: string | number;
}
