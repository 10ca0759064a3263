import type { Route } from "../edge/route/connection.ts";
import type { Policy } from "../upstream/balance/balance.ts";
import type { checkHeaders, checks, OwnCheck } from "./health.ts";
import type {
  Mode,
  ProxyOptions,
  ProxyProtocolIn,
  ProxyProtocolOut,
  UringOptions,
  UringSend,
} from "./options.ts";
import type { StatsFormat } from "./settings.ts";

/** `"500ms"`, `"5s"`, `"2m"`, `"1h"`, or a number of seconds. */
export type Duration = string | number;

/** `"50us"`, `"5ms"`, `"1s"`, or a number of seconds. */
export type ShortDuration = string | number;

/** `"64KiB"`, `"64k"`, `"1MiB"`, or a number of bytes. */
export type Size = string | number;

/** What may be switched: `true` and `"on"` are the same. */
export type OnOff = boolean | "on" | "off";

/** One upstream: its address, or a table that says more of it. */
export type UpstreamConfig = string | UpstreamTable;

/** An upstream with what is said of it. */
export interface UpstreamTable {
  /**
   * `"db:5432"`, `"10.0.0.5:5432"`, `"[::1]:5432"`, `"unix:/path"`, or a service in DNS (SRV records):
   * `"srv:_redis._tcp.example.org"`. What is said of a service holds for each of its members.
   */
  readonly address: string;
  /**
   * Its share of new relays beside the others' weights, 0…256; 0 gets nobody new. Not for a service,
   * whose records have weights. @default 1
   */
  readonly weight?: number | string;
  /** Only when no other can be had. @default false */
  readonly backup?: boolean | "true" | "false";
  /** Relays that it may have at a time, from all workers; 0 for any number. @default 0 */
  readonly maxRelays?: number | string;
  /** How it is checked: as its listener says, not at all, or in a way of its own. @default "on" */
  readonly check?: OwnCheck | boolean;
  /** As {@link HealthSettings.checkAddress}; unless given, as its listener has it. */
  readonly checkAddress?: string;
  /** As {@link EdgeSettings.sendProxyProtocol}; unless given, as its listener has it. */
  readonly sendProxyProtocol?: ProxyProtocolOut;
  /** As {@link HealthSettings.onDown}; unless given, as its listener has it. */
  readonly onDown?: Duration | "keep" | "close";
}

/** What each listener may have for itself. At the top of a configuration: for all of them. */
export interface ListenerSettings
  extends HealthSettings,
    EdgeSettings,
    RouteSettings,
    MirrorSettings {
  /**
   * Both ways; client to upstream only; or no upstream at all: receive, count, discard.
   *
   * @default "bidirectional"
   */
  readonly mode?: Mode;
  /** A dial to an upstream is given up after this, 1ms…24h. @default "5s" */
  readonly connectTimeout?: Duration;
  /** A relay one of whose ends has finished may stand still for this long, 1ms…24h. @default "1m" */
  readonly halfCloseTimeout?: Duration;
  /** A relay of which nothing has moved for this long ends, 10s…720h. @default "off" */
  readonly idleTimeout?: Duration | "off" | false;
  /** The same where the client has sent nothing. @default "off" */
  readonly clientIdleTimeout?: Duration | "off" | false;
  /** The same where the upstream has sent nothing. @default "off" */
  readonly upstreamIdleTimeout?: Duration | "off" | false;
  /** After so much silence the kernel asks an end whether it lives, 10s…9h. @default "1m" */
  readonly keepAlive?: Duration | "off" | false;
  /** Permissions of its unix sockets, such as `"0660"`, whatever the umask is. @default "0600" */
  readonly unixMode?: string;
  /** Their user, by name or number; without, that of the process. */
  readonly unixUser?: string | number;
  /** Their group, by name or number; without, that of the process. */
  readonly unixGroup?: string | number;
  /**
   * Connections that may wait in the kernel for being accepted, 1…65,535; it takes `net.core.somaxconn` where
   * that is less. @default 4096
   */
  readonly backlog?: number | string;
  /** It asks again this often, 1s…1h. @default "10s" */
  readonly keepAliveInterval?: Duration;
  /** After so many questions without an answer the end is gone, 1…127. @default 6 */
  readonly keepAliveProbes?: number | string;
  /** An end that acknowledges nothing of what was sent to it for this long is gone, 1s…24h. @default "off" */
  readonly tcpUserTimeout?: Duration | "off" | false;
  /** A relay ends after this, up to a tenth earlier; 1s…720h. @default "off" */
  readonly lifetime?: Duration | "off" | false;
  /** How an upstream is chosen for each relay. @default "round-robin" */
  readonly balance?: Policy;
  /** For hash: how many times its share of relays an upstream may have, such as 1.25. @default "off" */
  readonly boundedLoad?: number | string | false;
  /** Backups also take what is over `maxRelays` of all others. @default false */
  readonly backupWhenFull?: OnOff;
  /** Dials for a relay, each of another upstream as long as there is one, 1…16. @default 3 */
  readonly tries?: number | string;
  /** When none of these has answered, all are tried anew so many times, 0…100. @default 0 */
  readonly retries?: number | string;
  /** Before each of them, 1ms…1h. @default "1s" */
  readonly retryPause?: Duration;
  /** All dials and waits of a relay together, 1ms…24h. @default "off" */
  readonly dialBudget?: Duration | "off" | false;
  /** A relay waits so long for room when all upstreams are full, 1ms…24h. @default "off" */
  readonly queueTimeout?: Duration | "off" | false;
  /** Relays of a worker that may wait. @default 1024 */
  readonly queueSize?: number | string;
  /** A relay waits so long for an upstream that can be reached, 1ms…24h. @default "off" */
  readonly holdTimeout?: Duration | "off" | false;
  /**
   * What upstreams are dialled from, checks and mirrors, too: an address of this machine, or two, one of IPv4
   * and one of IPv6. @default "none"
   */
  readonly sourceAddress?: string | readonly string[];
}

/** How upstreams' health is found out, and what comes of it; part of each listener's settings. */
export interface HealthSettings {
  /** How upstreams are checked. @default "none" */
  readonly check?: (typeof checks)[number];
  /** Between two checks of an upstream, 100ms…1h; four times faster while it is changing. @default "2s" */
  readonly checkInterval?: Duration;
  /** A check has failed after this, 10ms…1h. @default "1s" */
  readonly checkTimeout?: Duration;
  /** So many checks in a row must succeed until one that is down is up, 1…100. @default 2 */
  readonly checkRise?: number | string;
  /** So many checks in a row must fail until one that is up is down, 1…100. @default 3 */
  readonly checkFall?: number | string;
  /**
   * What is checked instead of an upstream: `":8008"` is that port of its own host; or an address.
   *
   * @default "none"
   */
  readonly checkAddress?: string;
  /**
   * Whether checks begin with a PROXY header (v2 LOCAL, v1 UNKNOWN); `"auto"`: as relays do, unless
   * `checkAddress` sends checks somewhere else. @default "auto"
   */
  readonly checkProxyProtocol?: (typeof checkHeaders)[number];
  /** Who checks redis or postgres. */
  readonly checkUser?: string;
  /** With what a redis check logs in, or `"file:PATH"`. */
  readonly checkPassword?: string;
  /** What an http check asks for. @default "/" */
  readonly checkPath?: string;
  /** The Host of an http check; unless given, the address that is checked. */
  readonly checkHost?: string;
  /** What an http check expects: `200`, or `"200-399"`. @default "200-399" */
  readonly checkStatus?: number | string;
  /** What a send-expect check sends; `\\r`, `\\n`, `\\t` and `\\xHH` in it are bytes. */
  readonly checkSend?: string;
  /** What must come back: text as above, or a regular expression between slashes. */
  readonly checkExpect?: string;
  /** Whether checks are made by TLS; a postgres is asked for it first. @default "off" */
  readonly checkTls?: OnOff;
  /** Whom the certificate has to be for; none: the host that is checked. @default "none" */
  readonly checkTlsName?: string;
  /** Whether the certificate has to be right. @default "on" */
  readonly checkTlsVerify?: OnOff;
  /** A file of authorities (PEM), also read at a reload; none: those built in. @default "none" */
  readonly checkTlsCa?: string;
  /** A file with the certificate that checks show where they are asked (PEM). @default "none" */
  readonly checkTlsCert?: string;
  /** A file with its key, without a passphrase (PEM). @default "none" */
  readonly checkTlsKey?: string;
  /** Protocols that are offered by ALPN, such as `"h2,http/1.1"`. @default "none" */
  readonly checkTlsAlpn?: string;
  /** So many dials in a row that fail keep new relays away for a while; 0 for never. @default 3 */
  readonly ejectAfter?: number | string;
  /** For so long at first, up to ten times as long when that repeats; 100ms…1h. @default "30s" */
  readonly ejectTime?: Duration;
  /** With less than so many percent of the weight open, all upstreams are; 0 for never. @default 0 */
  readonly panicThreshold?: number | string;
  /** An upstream that is up again gets its whole weight after this, 100ms…1h. @default "off" */
  readonly slowStart?: Duration | "off" | false;
  /** What happens to the relays of an upstream that is down: keep, close, or a time. @default "keep" */
  readonly onDown?: Duration | "keep" | "close";
  /** The same for backups', when one that is none is up again; needs `check`. @default "keep" */
  readonly onUp?: Duration | "keep" | "close";
  /** The same for one that a reload takes away. @default "keep" */
  readonly onRemove?: Duration | "keep" | "close";
}

/** What happens to a connection before it is relayed; part of each listener's settings. */
export interface EdgeSettings {
  /** Networks whose clients may come in, or `"file:PATH"`; then nobody else. */
  readonly allow?: string | readonly string[];
  /** Networks whose clients may not, or `"file:PATH"`. The most specific network decides. */
  readonly deny?: string | readonly string[];
  /** Relays at a time, of all workers; 0 for any number. @default 0 */
  readonly maxRelays?: number | string;
  /** What becomes of who comes when there are so many, or as many as `totalRelays`. @default "refuse" */
  readonly whenFull?: "refuse" | "wait";
  /** Who waits is let go after this, 1ms…1h. @default "30s" */
  readonly fullTimeout?: Duration;
  /** Relays of one client at a time (IPv6: of a /64); 0 for any number. @default 0 */
  readonly maxRelaysPerClient?: number | string;
  /** Connections per second of one client in the long run. @default "off" */
  readonly clientRate?: number | string | false;
  /** Connections that a client may open at once after a rest. @default 20 */
  readonly clientBurst?: number | string;
  /** Relays of all clients of a network (IPv4: /24, IPv6: /48) at a time. @default 0 */
  readonly maxRelaysPerNetwork?: number | string;
  /** Connections per second of such a network in the long run. @default "off" */
  readonly networkRate?: number | string | false;
  /** Connections that a network may open at once after a rest. @default 100 */
  readonly networkBurst?: number | string;
  /** Bytes per second that a relay carries from its client, 1KiB…1GiB. @default "off" */
  readonly upRate?: Size | "off" | false;
  /** The same to its client. @default "off" */
  readonly downRate?: Size | "off" | false;
  /** What who may not come in gets: reset, close, or a time to wait in vain. @default "reset" */
  readonly refuse?: Duration | "reset" | "close";
  /** Whether connections begin with a PROXY header. @default "off" */
  readonly proxyProtocol?: ProxyProtocolIn;
  /**
   * Networks whose PROXY headers are believed, or `"file:PATH"`; `"any"`: whoever connects may say to
   * be anybody. Needed where headers are optional.
   */
  readonly proxyProtocolFrom?: string | readonly string[];
  /** In this time the header has to be here, 10ms…1h. @default "5s" */
  readonly preambleTimeout?: Duration;
  /** Whether connections to upstreams begin with a PROXY header. @default "off" */
  readonly sendProxyProtocol?: ProxyProtocolOut;
}

/** Who decides about connections, beside the policy; part of each listener's settings. */
export interface RouteSettings {
  /**
   * Chooses an upstream for each connection, labels or refuses it; for TypeScript alone. It runs in
   * the program's main thread, where it should not take long, and may be asynchronous. A listener
   * with `"off"` does without the one at the top.
   *
   *     route: ({ header }) => ({ upstream: tenants.get(header?.authority ?? "") })
   *
   * @default "off"
   */
  readonly route?: Route | "off" | false;
  /** It has to answer in this time, 1ms…10s. @default "100ms" */
  readonly routeTimeout?: Duration;
  /**
   * When it throws, is late or answers nonsense: `"relay"` as if it were not there, or `"refuse"`.
   *
   * @default "relay"
   */
  readonly routeFailure?: "relay" | "refuse";
}

/** Who gets a copy of what upstreams get; part of each listener's settings. */
export interface MirrorSettings {
  /**
   * Gets a copy of what upstreams get: an address as of an upstream. What it answers is thrown away, and
   * no relay waits for it. A listener with `"none"` does without the one at the top.
   *
   * @default "none"
   */
  readonly mirror?: string;
  /** So much of a relay may wait for it, 4KiB…16MiB; with more its copy is given up. @default "1MiB" */
  readonly mirrorBuffer?: Size;
  /** So many of a hundred relays are copied, 1…100. @default 100 */
  readonly mirrorPercent?: number | string;
}

/** One of several listeners. */
export interface ListenerConfig extends ListenerSettings {
  /** What the log calls it: 1…63 letters, digits, dots, dashes and underscores; no two the same. */
  readonly name?: string;
  /**
   * Where clients are accepted: `"127.0.0.1:6380"`, `":6380"` (all addresses), `"[::1]:6380"`,
   * `"unix:/path"`, `"unix:@name"`, or a list of these. Port 0 lets the system pick. Addresses of one
   * `name` are one listener, with one set of limits; without a name each is a listener of its own.
   */
  readonly listen: string | readonly string[];
  /**
   * Where its relays go, in turn: `"db:5432"`, `"10.0.0.5:5432"`, `"unix:/path"`. Without: those at
   * the top. In mode `"sink"` there are none.
   */
  readonly upstreams?: UpstreamConfig | readonly UpstreamConfig[];
}

/** What only the uring engine knows, after liburing's own proxy. */
export interface UringConfig {
  /** One receive goes on by itself, or is started each time. @default "multishot" */
  readonly receive?: UringOptions["receive"];
  /** One receive fills several buffers. @default "off" */
  readonly receiveBundles?: OnOff;
  /** RECVMSG instead of RECV. @default "off" */
  readonly receiveMessages?: OnOff;
  /** Buffers are filled bit by bit (Linux 6.12). @default "off" */
  readonly incremental?: OnOff;
  /** How what was received is sent on. @default "plain" */
  readonly send?: UringSend;
  /** When completions are worked on: when waited for, or whenever in the kernel. @default "defer" */
  readonly taskrun?: UringOptions["taskrun"];
  /** A thread of the kernel submits and sleeps after this, up to 1m. @default "off" */
  readonly sqpoll?: Duration | "off" | false;
  /** Sockets are put into the ring's table. @default "off" */
  readonly fixedFiles?: OnOff;
  /** Buffers on huge pages. @default "off" */
  readonly hugePages?: OnOff;
  /** Submission entries: a power of two, 16…32,768. @default 1024 */
  readonly entries?: number | string;
  /** Completions to wait for, 1…4,096. @default "adaptive" */
  readonly waitCount?: number | string;
  /** After this, fewer completions are enough: 1us…1s. @default "100us" */
  readonly waitTimeout?: ShortDuration;
  /** Let others run before a wait; `"auto"` where there are several workers. @default "auto" */
  readonly yield?: UringOptions["yield"];
  /** Poll the network device; `"prefer"` instead of interrupts. @default "off" */
  readonly napi?: UringOptions["napi"];
  /** Poll it for this long: 1us…1s. @default "50us" */
  readonly napiTimeout?: ShortDuration;
  /** A buffer of chatty flows: a power of two, 256…64KiB. @default "4KiB" */
  readonly bufferSize?: Size;
  /** So many of them at first, 1…1,024. @default 64 */
  readonly bufferCount?: number | string;
  /** A buffer of bulk flows: a power of two, 16KiB…4MiB. @default "1MiB" */
  readonly largeBufferSize?: Size;
}

/**
 * A configuration as a person writes it. With one group of listeners: `listen`, `upstream`. With
 * several: `listeners`, each with its own.
 */
export interface Config extends ListenerSettings {
  /**
   * Where clients are accepted, as {@link ListenerConfig.listen}; not together with `listeners`.
   *
   * @default "127.0.0.1:6380"
   */
  readonly listen?: string | readonly string[];
  /**
   * Where relays go, as {@link ListenerConfig.upstreams}; with `listeners`, those that name none.
   * A listener that relays needs one, from here, its own list or the command line.
   */
  readonly upstream?: UpstreamConfig | readonly UpstreamConfig[];
  /** Listeners with upstreams and settings of their own. */
  readonly listeners?: readonly ListenerConfig[];
  /** What does the I/O; `"auto"` is uring where it can run, else sockets. @default "auto" */
  readonly engine?: ProxyOptions["engine"];
  /** Threads that relay, 1…256, or `"auto"` for one per processor; several on Linux only. @default 1 */
  readonly workers?: number | "auto";
  /** Relays of all listeners together; 0 for any number. @default 0 */
  readonly totalRelays?: number | string;
  /**
   * How long clients are still accepted after a signal to stop, while `/readyz` says no, 1ms…1h.
   * @default "off"
   */
  readonly drainDelay?: Duration | "off";
  /** What running relays get at a stop, 0…24h. @default "10s" */
  readonly drainTimeout?: Duration;
  /**
   * Who is asked for the names of upstreams, and for services: addresses such as `"127.0.0.1:8600"`, up
   * to 8, in the order in which they are asked. /etc/hosts goes first, and search domains count, as with the system's.
   * @default "system"
   */
  readonly dnsServers?: string | readonly string[];
  /**
   * Answers of DNS hold for at least this, whatever their TTL, 1s…1h; a name whose address fails is
   * asked for again all the same. @default "1s"
   */
  readonly dnsMinTtl?: Duration;
  /** And for at most this, 1s…24h. @default "5m" */
  readonly dnsMaxTtl?: Duration;
  /**
   * What DNS may answer with, for names of upstreams, mirrors and checks, and for services: networks such as
   * `"10.0.0.0/8"`; with a port or two (`"10.0.0.0/8:6379"`, `"[fd00::/8]:6379-6389"`) a service's places have
   * to have one of those. Anything else is not dialled (`dns_denied`).
   * @default "any"
   */
  readonly dnsAllow?: string | readonly string[];
  /** One buffer: a power of two, 4KiB…1MiB. @default "64KiB" */
  readonly segmentSize?: Size;
  /** Most buffers, 2MiB…64GiB in all; allocated when needed. @default 4096 */
  readonly segmentCount?: number | string;
  /**
   * A JSON line for each relay at its end: `"stdout"`, or the path of a file such as
   * `"./access.log"`, which is opened anew at SIGUSR1 and SIGHUP.
   *
   * @default "none"
   */
  readonly accessLog?: string;
  /** A line also when a relay starts. @default "off" */
  readonly accessLogStarts?: OnOff;
  /** A line so often for each relay that runs so long, 1s…24h. @default "off" */
  readonly accessLogEvery?: Duration | "off" | false;
  /** Permissions that its file is made with, such as `"0644"`, whatever the umask is. @default "0640" */
  readonly accessLogMode?: string;
  /** The user of a file that is made for it, by name or number; without, that of the process. */
  readonly accessLogUser?: string | number;
  /** The group of a file that is made for it, by name or number; without, that of the process. */
  readonly accessLogGroup?: string | number;
  /**
   * Where the admin page and API are: `"127.0.0.1:9600"`, `"unix:/path"`, …
   *
   * @default "none"
   */
  readonly admin?: string;
  /**
   * What their requests have to show, 16…256 characters, or `"file:PATH"`; needed where others reach
   * them.
   *
   * @default "none"
   */
  readonly adminToken?: string;
  /**
   * The same of those who may look and change nothing, beside `adminToken`.
   *
   * @default "none"
   */
  readonly adminReadToken?: string;
  /**
   * `/readyz` says ready while listeners accept, or with `"upstreams"` while each of them has an
   * upstream that takes relays, too.
   *
   * @default "accepting"
   */
  readonly readyWhen?: "accepting" | "upstreams";
  /**
   * Whose process it becomes once its sockets are open, by name or number: on Linux, where it was
   * started as root.
   *
   * @default "none"
   */
  readonly user?: string | number;
  /** And of which group; unless given, of the user's own. @default "none" */
  readonly group?: string | number;
  /** Statistics at exit. @default "text" */
  readonly stats?: StatsFormat;
  /** Log every relay; more statistics. @default false */
  readonly verbose?: boolean;
  /** What only the uring engine knows. */
  readonly uring?: UringConfig;
}

/**
 * The configuration itself: for its types, in a file such as
 *
 *     import { defineConfig } from "ringway";
 *     export default defineConfig({ listen: ":6380", upstream: "10.0.0.5:6379" });
 */
export function defineConfig(config: Config): Config {
  return config;
}
