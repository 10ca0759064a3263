import type { Address, UpstreamAddress } from "../base/address.ts";
import type { FullReason } from "../base/reason.ts";
import type { NetworkTables } from "../entry/access/networks.ts";
import type { AccessTables } from "../entry/access/rules.ts";
import type { ProxyProtocolOut } from "../entry/proxy-protocol/header.ts";
import type { Route } from "../entry/route/connection.ts";
import type { FileAccess } from "../system/file-access.ts";
import type { TlsClientOptions } from "../transport/tls/client-options.ts";
import type { TlsServerOptions } from "../transport/tls/server-options.ts";
import type { CheckOptions, EjectionOptions } from "../upstream/health/check-options.ts";
import type { DnsTtl } from "../upstream/names/dns-ttl.ts";
import type { OptionsIn } from "./table/setting.ts";
import type { listenerTable, proxyTable, uringTable } from "./table/table.ts";

/**
 * What a relay does with bytes: both ways; client to upstream only (what the upstream sends is read
 * and discarded, so that it never stalls); or no upstream at all: receive, count, discard.
 */
export type Mode = OfListener<"">["mode"];

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
  /** As {@link ListenerOptions.upstreamTls}; missing: as its listener has it. */
  readonly tls?: TlsClientOptions | null;
}

/** What each listener may have for itself, by its entries. */
type OfListener<Group extends string> = OptionsIn<typeof listenerTable, Group>;

/** How one of several upstreams is chosen. */
export type BalanceOptions = OfListener<"balance">;

/** What is done until a relay has its upstream. Times in milliseconds. */
export type DialOptions = OfListener<"dial">;

/** What is known of upstreams' health, and what comes of it. Finished and validated. */
export interface HealthOptions extends OfListener<"health"> {
  /** How they are checked; null for not at all. */
  readonly check: CheckOptions | null;
  /** When relays' own dials keep new ones away, if there is another upstream; null for never. */
  readonly ejection: EjectionOptions | null;
}

/** What happens to a connection before it is relayed. Finished and validated. */
export interface EdgeOptions extends OfListener<"edge"> {
  /** What the control plane makes of it for engines; missing where nothing has to be looked at. */
  readonly tables?: AdmissionTables;
}

/** The edge of a listener as engines need it: shared memory, and lists that need not be made anew. */
export interface AdmissionTables {
  /** Who may come in; null for everybody. */
  readonly access: AccessTables | null;
  /** Whose PROXY headers are believed; null for everybody's. */
  readonly trusted: NetworkTables<true> | null;
  /** What the listener is counted in. */
  readonly rows: readonly AdmissionRow[];
  /** Memory of the clients' rates and counts; null where they have no limits. */
  readonly rates: SharedArrayBuffer | null;
  readonly counts: SharedArrayBuffer | null;
  /** The same of their networks. */
  readonly networkRates: SharedArrayBuffer | null;
  readonly networkCounts: SharedArrayBuffer | null;
  /** Memory of the rate of TLS handshakes, of all clients together and of each; null without a limit. */
  readonly handshakes: SharedArrayBuffer | null;
  readonly clientHandshakes: SharedArrayBuffer | null;
}

/** A row of the table that all workers share. */
export interface AdmissionRow {
  readonly slot: number;
  /** So many relays it may count. */
  readonly most: number;
  /** Why who comes then has to wait, or is refused. */
  readonly full: FullReason;
}

/** Who decides about each connection of a listener. Finished and validated. */
export interface RouteOptions extends Omit<OfListener<"route">, "hook"> {
  /** The function; in a worker's thread, where it cannot be, the number by which it is asked. */
  readonly hook: Route | number;
}

/** Who gets a copy of what the upstreams of a listener get. Finished and validated. */
export interface MirrorOptions extends Omit<OfListener<"mirror">, "address" | "plainText"> {
  readonly address: Address;
  /** It also gets what came by TLS that ends here; missing: it does not. */
  readonly plainText?: boolean;
  /** As its listener's; missing: none. */
  readonly sourceAddresses?: readonly string[];
}

/**
 * Everything that a listener's relays need to know. Finished and validated: times are in milliseconds,
 * 0 for never.
 */
export interface ListenerOptions<Where extends UpstreamAddress = Address> extends OfListener<""> {
  /** What the log calls it; addresses that were given together share it. */
  readonly name?: string;
  readonly address: Address;
  /** None in mode `sink`, and as long as there are only services that nobody knows; else at least one. */
  readonly upstreams: readonly UpstreamOptions<Where>[];
  readonly balance: BalanceOptions;
  readonly dial: DialOptions;
  readonly edge: EdgeOptions;
  /** Null when nobody decides; then what the policy says is all there is. */
  readonly route: RouteOptions | null;
  /** How the clients' TLS is ended; null if it is not. */
  readonly tls: TlsServerOptions | null;
  /** How TLS begins with upstreams; null: not at all. */
  readonly upstreamTls: TlsClientOptions | null;
  /** Null when nobody gets a copy. Never together with mode `sink`, where there is nothing to copy. */
  readonly mirror: MirrorOptions | null;
  /** For the control plane: engines get the outcome through the table that they share. */
  readonly health: HealthOptions;
  /** The upstream runs in this process, so that each relay takes a descriptor more. */
  readonly upstreamInside?: boolean;
  /** What a unix socket gets that is listened on. */
  readonly unix: FileAccess;
}

/** A listener as it was configured: what its services are now the control plane finds out. */
export type WantedListener = ListenerOptions<UpstreamAddress>;

/** What one engine's memory may be: at least four chunks' worth (4 × 512 KiB). Sizes in bytes. */
export type MemoryOptions = OptionsIn<typeof proxyTable, "memory">;

/** What only the uring engine knows, after liburing's own proxy. Finished and validated. */
export type UringOptions = OptionsIn<typeof uringTable, "">;

/** How what was received is sent on. */
export type UringSend = UringOptions["send"];

/** Where people and programs look after a running proxy. Finished and validated. */
export interface AdminOptions extends OptionsIn<typeof proxyTable, "admin"> {
  readonly address: Address;
  /**
   * What requests have to show; null where whoever reaches the address may do everything, which is
   * a loopback address or a unix socket.
   */
  readonly token: string | null;
  /** What those have to show who may only look; null where there are none. Only beside `token`. */
  readonly readToken: string | null;
  /** What its unix socket gets. */
  readonly unix: FileAccess;
}

/** What is written down of each relay, and where to. Finished and validated. */
export interface AccessLogOptions extends OptionsIn<typeof proxyTable, "accessLog"> {
  readonly target: "stdout" | { readonly path: string };
  /** What its file gets when it is made. */
  readonly access: FileAccess;
}

/** Whose process it becomes once its sockets are open: names or numbers. Finished and validated. */
export interface AccountOptions {
  readonly user: string;
  /** Null for the user's own. */
  readonly group: string | null;
}

/** What there is once for the whole proxy, by its entries, but for what is the command line's business. */
type OfProxy = Omit<OptionsIn<typeof proxyTable, "">, "stats" | "verbose">;
/** What has its default where it is missing. */
type Spared = "drainDelayMs" | "dnsAllow";

/** A whole proxy, as the command line or a program asks for it. Finished and validated. */
export interface ProxyOptions extends Omit<OfProxy, Spared>, Partial<Pick<OfProxy, Spared>> {
  readonly listeners: readonly WantedListener[];
  readonly memory: MemoryOptions;
  readonly uring: UringOptions;
  /** What TTLs of names and services are taken for; missing: the defaults. */
  readonly dnsTtl?: DnsTtl;
  /**
   * What else this process listens on, and nobody is relayed to: the admin server, the server inside but for
   * those whose upstream it is.
   */
  readonly reserved?: readonly Address[];
}
