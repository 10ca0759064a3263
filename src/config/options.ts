import type { NetworkTables } from "../edge/access/networks.ts";
import type { AccessTables } from "../edge/access/rules.ts";
import type { ProxyProtocolIn, ProxyProtocolOut } from "../edge/proxy-protocol/header.ts";
import type { Route } from "../edge/route/connection.ts";
import type { FileAccess } from "../engine/file-access.ts";
import type { FullReason } from "../flow/reason.ts";
import type { Policy } from "../upstream/balance/balance.ts";
import {
  type CheckOptions,
  type EjectionOptions,
  ejectionDefaults,
} from "../upstream/health/check-options.ts";
import type { DnsServer } from "../upstream/names/dns-server.ts";
import type { DnsTtl } from "../upstream/names/dns-ttl.ts";
import type { Address, UpstreamAddress } from "./address.ts";
import type { DnsNetwork } from "./dns-allow.ts";
import { type Believed, edgeDefaults, type NetworkList } from "./edge.ts";

export type { ProxyProtocolIn, ProxyProtocolOut } from "../edge/proxy-protocol/header.ts";
export type { FileAccess } from "../engine/file-access.ts";
export type {
  Address,
  ServiceAddress,
  TcpAddress,
  UpstreamAddress,
} from "./address.ts";

/**
 * What a relay does with bytes: both ways; client to upstream only (what the upstream sends is read
 * and discarded, so that it never stalls); or no upstream at all: receive, count, discard.
 */
export type Mode = "bidirectional" | "oneway" | "sink";

export type EngineName = "sockets" | "uring";

/** One of a listener's upstreams. Finished and validated. What is said of a service holds for each member. */
export interface UpstreamOptions<Where extends UpstreamAddress = Address> {
  readonly address: Where;
  /**
   * Its share of new relays, beside the others' weights: 0…256; 0 gets nobody new. Of a service 1, as
   * its records say what its members weigh.
   */
  readonly weight: number;
  /** It gets relays only when no other is open, or can be reached; see {@link BalanceOptions.backupWhenFull}. */
  readonly isBackup: boolean;
  /** Relays that it may have at a time, from all workers; 0 for any number. */
  readonly maxRelays: number;
  /** Its row in the table that all workers share. Given by the control plane; 0 before. */
  readonly slot: number;
  /** The name of the service that it is a member of; missing where its address was configured. */
  readonly service?: string;
  /** As {@link HealthOptions.check} and {@link HealthOptions.onDown}; missing: as its listener has it. */
  readonly check?: CheckOptions | null;
  readonly onDown?: number | null;
  /** As {@link EdgeOptions.sendProxyProtocol}; missing: as its listener has it. */
  readonly sendProxyProtocol?: ProxyProtocolOut;
}

/** How one of several upstreams is chosen. */
export interface BalanceOptions {
  readonly policy: Policy;
  /** For `hash`: how many times its share of relays an upstream may have, at least 1; null for no bound. */
  readonly boundedLoad: number | null;
  /** Backups also get relays when all others are full; else those wait for room, or are let go. */
  readonly backupWhenFull: boolean;
}

/** What is done until a relay has its upstream. Times in milliseconds. */
export interface DialOptions {
  /** Dials for one relay, each of another upstream as long as there is one; at least 1. */
  readonly tries: number;
  /** When no other is left, all of them are tried anew so many times, each time after a pause of so long. */
  readonly retries: number;
  readonly retryPauseMs: number;
  /** All dials and waits of one relay together; 0 for any time. */
  readonly budgetMs: number;
  /** A relay waits so long for an upstream that has room, when all are full; 0 for not at all. */
  readonly queueMs: number;
  /** Relays of one worker that may wait so, and as many for room at their listener. */
  readonly queueMax: number;
  /** A relay waits so long for an upstream that can be reached, when there is none; 0 for not at all. */
  readonly holdMs: number;
}

/** What is known of upstreams' health, and what comes of it. Finished and validated. */
export interface HealthOptions {
  /** How they are checked; null for not at all. */
  readonly check: CheckOptions | null;
  /** When relays' own dials keep new ones away, if there is another upstream; null for never. */
  readonly ejection: EjectionOptions | null;
  /** When less of the weight is open, all upstreams are: 0…100; 0 for never. */
  readonly panicPercent: number;
  /** Milliseconds in which one that is up again gets its whole weight; 0 for at once. */
  readonly slowStartMs: number;
  /** Milliseconds after which the relays of one that is down end; null: they go on. */
  readonly onDown: number | null;
  /** The same for backups', when one that is none is up again, as a check has said; null: they go on. */
  readonly onUp: number | null;
  /** The same for one that a reload takes away. */
  readonly onRemove: number | null;
}

/** What who may not come in gets: RST or FIN at once, or RST after a time in which nothing is read. */
export type Refusal = "reset" | "close" | { readonly tarpitMs: number };

/** What happens to a connection before it is relayed. Finished and validated. */
export interface EdgeOptions {
  /** When there is any, nobody else may come in. */
  readonly allow: NetworkList;
  readonly deny: NetworkList;
  /** Relays at a time, of all workers; 0 for any number. */
  readonly maxRelays: number;
  /** What becomes of who comes when there are so many, here or in all. A sink refuses them always. */
  readonly whenFull: "refuse" | "wait";
  /** Milliseconds in which there has to be room for who waits. */
  readonly fullTimeoutMs: number;
  /** The same of one client: an IPv4 address, or an IPv6 network of 64 bits. */
  readonly maxRelaysPerClient: number;
  /** Connections per second of one client in the long run; 0 for any number. */
  readonly clientRate: number;
  /** Connections that it may open at once after a rest. */
  readonly clientBurst: number;
  /** The same three of all clients of a network: 24 bits of an IPv4 address, 48 of an IPv6 one. */
  readonly maxRelaysPerNetwork: number;
  readonly networkRate: number;
  readonly networkBurst: number;
  /** Bytes per second of a relay from its client and to it, 1,024…2³⁰; 0 for any number. */
  readonly upRate: number;
  readonly downRate: number;
  readonly refusal: Refusal;
  readonly proxyProtocol: ProxyProtocolIn;
  /** Whose headers are believed; with `required` and nobody named: everybody's, with a warning. */
  readonly proxyProtocolFrom: Believed;
  /** Milliseconds in which the header has to be here, at least 1. */
  readonly preambleTimeoutMs: number;
  readonly sendProxyProtocol: ProxyProtocolOut;
  /** What the control plane makes of it for engines; missing where nothing has to be looked at. */
  readonly gate?: GateOptions;
}

/** The edge of a listener as engines need it: shared memory, and lists that need not be made anew. */
export interface GateOptions {
  /** Who may come in; null for everybody. */
  readonly access: AccessTables | null;
  /** Whose PROXY headers are believed; null for everybody's. */
  readonly trusted: NetworkTables<true> | null;
  /** What the listener is counted in. */
  readonly rows: readonly GateRow[];
  /** Memory of the clients' rates and counts; null where they have no limits. */
  readonly rates: SharedArrayBuffer | null;
  readonly counts: SharedArrayBuffer | null;
  /** The same of their networks. */
  readonly networkRates: SharedArrayBuffer | null;
  readonly networkCounts: SharedArrayBuffer | null;
}

/** A row of the table that all workers share. */
export interface GateRow {
  readonly slot: number;
  /** So many relays it may count. */
  readonly most: number;
  /** Why who comes then has to wait, or is refused. */
  readonly full: FullReason;
}

/** Who decides about each connection of a listener. Finished and validated. */
export interface RouteOptions {
  /** The function; in a worker's thread, where it cannot be, the number by which it is asked. */
  readonly hook: Route | number;
  /** Milliseconds in which it has to answer, 1…10,000. */
  readonly timeoutMs: number;
  /** What becomes of a connection for which it fails: relayed as without it, or refused. */
  readonly failure: "relay" | "refuse";
}

/** Who gets a copy of what the upstreams of a listener get. Finished and validated. */
export interface MirrorOptions {
  readonly address: Address;
  /** Bytes of one relay that may wait for it, 4 KiB…16 MiB; with more its copy is given up. */
  readonly bufferSize: number;
  /** So many of a hundred relays are copied, 1…100. */
  readonly percent: number;
  /** As its listener's; missing: none. */
  readonly sourceAddresses?: readonly string[];
}

/** Everything that a listener's relays need to know. Finished and validated. */
export interface ListenerOptions<Where extends UpstreamAddress = Address> {
  /** What the log calls it; addresses that were given together share it. */
  readonly name?: string;
  readonly address: Address;
  readonly mode: Mode;
  /** None in mode `sink`, and as long as there are only services that nobody knows; else at least one. */
  readonly upstreams: readonly UpstreamOptions<Where>[];
  readonly balance: BalanceOptions;
  readonly dial: DialOptions;
  readonly edge: EdgeOptions;
  /** Null when nobody decides; then what the policy says is all there is. */
  readonly route: RouteOptions | null;
  /** Null when nobody gets a copy. Never together with mode `sink`, where there is nothing to copy. */
  readonly mirror: MirrorOptions | null;
  /** For the control plane: engines get the outcome through the table that they share. */
  readonly health: HealthOptions;
  /** The upstream runs in this process, so that each relay takes a descriptor more. */
  readonly upstreamInside?: boolean;
  /** Milliseconds until one dial is given up, at least 1. */
  readonly connectTimeoutMs: number;
  /** Milliseconds that a half-closed relay may stand still, at least 1. */
  readonly halfCloseTimeoutMs: number;
  /** Milliseconds in which nothing is received or sent, after which a relay ends; 0 for never. */
  readonly idleTimeoutMs: number;
  /** The same for what the client sends alone, and for what the upstream does. */
  readonly clientIdleTimeoutMs: number;
  readonly upstreamIdleTimeoutMs: number;
  /** Milliseconds of silence after which the kernel asks an end whether it lives; 0 for never. */
  readonly keepAliveMs: number;
  /**
   * What dials come from, those of checks and mirrors, too: literal addresses, at most one of each family;
   * none for whatever the system picks.
   */
  readonly sourceAddresses: readonly string[];
  /** What a unix socket gets that is listened on. */
  readonly unix: FileAccess;
  /** Milliseconds between two such questions, and how many may remain unanswered, at least 1. */
  readonly keepAliveIntervalMs: number;
  readonly keepAliveProbes: number;
  /** Milliseconds that an end may leave what was sent to it unacknowledged; 0 for the system's way. */
  readonly tcpUserTimeoutMs: number;
  /** Milliseconds after which a relay ends, whatever it does; 0 for never. */
  readonly lifetimeMs: number;
}

/** A listener as it was configured: what its services are now the control plane finds out. */
export type WantedListener = ListenerOptions<UpstreamAddress>;

/** What one engine's memory may be. */
export interface MemoryOptions {
  /** Bytes of a segment: a power of two, 4 KiB…1 MiB. */
  readonly segmentSize: number;
  /** Most segments of a worker; at least four chunks' worth (4 × 512 KiB). */
  readonly segmentCount: number;
}

/** How what was received is sent on; see {@link UringOptions.send}. */
export type UringSend = "plain" | "message" | "zerocopy" | "zerocopy-message" | "ring" | "bundle";

/** What only the uring engine knows, after liburing's own proxy. Finished and validated. */
export interface UringOptions {
  /** One receive goes on until it is cancelled, or is started anew each time. */
  readonly receive: "multishot" | "single";
  /**
   * One receive may fill several buffers (IORING_RECVSEND_BUNDLE). Not together with
   * `receiveMessages` or `incremental`.
   */
  readonly receiveBundles: boolean;
  /** RECVMSG instead of RECV. */
  readonly receiveMessages: boolean;
  /** Buffers are filled bit by bit, by receives of different relays (IOU_PBUF_RING_INC). */
  readonly incremental: boolean;
  /**
   * SEND; SENDMSG, which gathers what waits; both without copying; or SEND from a ring of provided
   * buffers per flow, one at a time or as many as there are.
   */
  readonly send: UringSend;
  /** Completions are worked on only when they are waited for, or whenever the thread is in the kernel. */
  readonly taskrun: "defer" | "coop";
  /**
   * Milliseconds after which the kernel's polling thread sleeps, 1…60,000; 0 for no such thread
   * (SQPOLL). With such a thread `taskrun` is `coop`.
   */
  readonly sqPollIdleMs: number;
  /** Sockets are put into the ring's file table. */
  readonly fixedFiles: boolean;
  readonly hugePages: boolean;
  /** Submission entries: a power of two, 16…32,768. */
  readonly entries: number;
  /** Completions to wait for, 1…4,096; 0 adapts to the load. */
  readonly waitCount: number;
  /** Microseconds after which fewer are enough, 1…1,000,000. */
  readonly waitTimeoutMicros: number;
  /**
   * Whether a worker lets others run before it sleeps (sched_yield); `auto`: where there are several
   * workers. Not with `waitCount`, nor with a polling thread.
   */
  readonly yield: "auto" | "always" | "never";
  /** Poll the network device's queues while waiting. */
  readonly napi: "off" | "busy" | "prefer";
  /** Microseconds of such polling, 1…1,000,000. */
  readonly napiTimeoutMicros: number;
  /** Bytes of a buffer for chatty flows: a power of two, 256…65,536. */
  readonly bufferSize: number;
  /** Such buffers provided at first, per direction: 1…1,024; more are provided when they run out. */
  readonly bufferCount: number;
  /** Bytes of a buffer for bulk flows: a power of two, 16 KiB…4 MiB. */
  readonly largeBufferSize: number;
}

/** Where people and programs look after a running proxy. Finished and validated. */
export interface AdminOptions {
  readonly address: Address;
  /**
   * What requests have to show; null where whoever reaches the address may do everything, which is
   * a loopback address or a unix socket.
   */
  readonly token: string | null;
  /** What those have to show who may only look; null where there are none. Only beside `token`. */
  readonly readToken: string | null;
  /** `/readyz` says ready: while listeners accept, or while upstreams of each take relays, too. */
  readonly readyWhen: "accepting" | "upstreams";
  /** What its unix socket gets. */
  readonly unix: FileAccess;
}

/** What is written down of each relay, and where to. Finished and validated. */
export interface AccessLogOptions {
  readonly target: "stdout" | { readonly path: string };
  /** What its file gets when it is made. */
  readonly access: FileAccess;
  /** A line when a relay starts, beside the one at its end. */
  readonly starts: boolean;
  /** Milliseconds between two lines of a relay that runs, 1,000…86,400,000; 0 for none. */
  readonly everyMs: number;
}

/** Whose process it becomes once its sockets are open: names or numbers. Finished and validated. */
export interface AccountOptions {
  readonly user: string;
  /** Null for the user's own. */
  readonly group: string | null;
}

/** A whole proxy, as the command line or a program asks for it. Finished and validated. */
export interface ProxyOptions {
  /** Relays of all listeners together; 0 for any number. */
  readonly totalRelays: number;
  readonly listeners: readonly WantedListener[];
  readonly engine: "auto" | EngineName;
  /** Threads that relay, 1…256; several on Linux only. */
  readonly workers: number;
  readonly memory: MemoryOptions;
  readonly uring: UringOptions;
  /**
   * Milliseconds between what asks for a stop and the drain, 0…3,600,000: clients are told to stay away
   * (`/readyz`), and those that come all the same are still accepted. Missing: none.
   */
  readonly drainDelayMs?: number;
  /** Milliseconds that running relays get at a stop, 0 cuts them at once. */
  readonly drainTimeoutMs: number;
  /** Who is asked for the names of upstreams and for services; empty: the system, and whom it asks. */
  readonly dnsServers: readonly DnsServer[];
  /** What TTLs of names and services are taken for; missing: the defaults. */
  readonly dnsTtl?: DnsTtl;
  /** What DNS may answer with, for names and services; none for anything. */
  readonly dnsAllow?: readonly DnsNetwork[];
  /**
   * What else this process listens on, and nobody is relayed to: the admin server, the server inside but for
   * those whose upstream it is.
   */
  readonly reserved?: readonly Address[];
}

/** Permissions of a unix socket: its owner alone may connect. */
export const UNIX_MODE = 0o600;
/** Permissions of the access log: its group may read it. */
export const ACCESS_LOG_MODE = 0o640;

/** What a listener has unless it says otherwise. */
export const listenerDefaults: Omit<ListenerOptions, "address" | "upstreams"> = {
  mode: "bidirectional",
  balance: { policy: "round-robin", boundedLoad: null, backupWhenFull: false },
  health: {
    check: null,
    ejection: ejectionDefaults,
    panicPercent: 0,
    slowStartMs: 0,
    onDown: null,
    onUp: null,
    onRemove: null,
  },
  edge: edgeDefaults,
  route: null,
  mirror: null,
  dial: {
    tries: 3,
    retries: 0,
    retryPauseMs: 1_000,
    budgetMs: 0,
    queueMs: 0,
    queueMax: 1_024,
    holdMs: 0,
  },
  connectTimeoutMs: 5_000,
  halfCloseTimeoutMs: 60_000,
  idleTimeoutMs: 0,
  clientIdleTimeoutMs: 0,
  upstreamIdleTimeoutMs: 0,
  keepAliveMs: 60_000,
  sourceAddresses: [],
  unix: { mode: UNIX_MODE, user: null, group: null },
  keepAliveIntervalMs: 10_000,
  keepAliveProbes: 6,
  tcpUserTimeoutMs: 0,
  lifetimeMs: 0,
};

/** Defaults, each once, for the command line, the configuration file and the library alike. */
export const defaults = {
  listen: { kind: "tcp", host: "127.0.0.1", port: 6380 },
  engine: "auto",
  workers: 1,
  totalRelays: 0,
  drainDelayMs: 0,
  drainTimeoutMs: 10_000,
  dnsServers: [],
  dnsAllow: [],
  segmentSize: 64 * 1024,
  segmentCount: 4096,
  accessLog: "none",
  accessLogStarts: false,
  accessLogEvery: "off",
  admin: "none",
  adminToken: "none",
  adminReadToken: "none",
  readyWhen: "accepting",
  user: "none",
  group: "none",
  stats: "text",
} as const;

/** What measures best; see bench/FINDINGS.md. */
export const uringDefaults: UringOptions = {
  receive: "multishot",
  receiveBundles: false,
  receiveMessages: false,
  incremental: false,
  send: "plain",
  taskrun: "defer",
  sqPollIdleMs: 0,
  fixedFiles: false,
  hugePages: false,
  entries: 1024,
  waitCount: 0,
  waitTimeoutMicros: 100,
  yield: "auto",
  napi: "off",
  napiTimeoutMicros: 50,
  bufferSize: 4096,
  bufferCount: 64,
  largeBufferSize: 1024 * 1024,
};
