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
 * What a relay does with bytes: relay both ways; relay from client to upstream only, and discard
 * what the upstream sends so that it never stalls; or receive, count and discard, without an
 * upstream. With `valkey` clients share upstream connections, command by command.
 */
export type Mode = OfListener<"">["mode"];

export type EngineName = "sockets" | "uring";

/** One of a listener's upstreams. Options of a service apply to each member. */
export interface UpstreamOptions<Where extends UpstreamAddress = Address> {
  readonly address: Where;
  /**
   * Its share of new relays, relative to the others' weights: 0…256; 0 gets none. 1 for a service,
   * whose records have the weights of its members.
   */
  readonly weight: number;
  /**
   * It gets relays only if no other one is open or reachable; see {@link
   * BalanceOptions.backupWhenFull}.
   */
  readonly isBackup: boolean;
  /** The most relays at a time, from all workers; 0 for any number. */
  readonly maxRelays: number;
  /** Its row in the table that all workers share. The control plane sets it; 0 before that. */
  readonly slot: number;
  /** The name of the service that it is a member of; missing if its address was configured. */
  readonly service?: string;
  /** Instead of {@link HealthOptions.check} of its listener. */
  readonly check?: CheckOptions | null;
  /** Instead of {@link HealthOptions.onDown} of its listener. */
  readonly onDown?: number | null;
  /** Instead of {@link EdgeOptions.sendProxyProtocol} of its listener. */
  readonly sendProxyProtocol?: ProxyProtocolOut;
  /** As {@link ListenerOptions.upstreamTls}; missing: as its listener has it. */
  readonly tls?: TlsClientOptions | null;
}

/** A group of listener options, made from its entries in the table. */
type OfListener<Group extends string> = OptionsIn<typeof listenerTable, Group>;

/** How one of several upstreams is chosen. */
export type BalanceOptions = OfListener<"balance">;

/** How a relay gets its upstream. Times in milliseconds. */
export type DialOptions = OfListener<"dial">;

/** How upstreams are checked, and what follows from it. */
export interface HealthOptions extends OfListener<"health"> {
  /** How they are checked; null for not at all. */
  readonly check: CheckOptions | null;
  /** When failed dials keep new relays away, if there is another upstream; null for never. */
  readonly ejection: EjectionOptions | null;
}

/** What happens to a client before its relay. */
export interface EdgeOptions extends OfListener<"edge"> {
  /** What the control plane makes from it for engines; missing if there is nothing to check. */
  readonly tables?: AdmissionTables;
}

/** The edge of a listener as engines need it: shared memory, and prepared lists. */
export interface AdmissionTables {
  /** Which clients are admitted; null for all. */
  readonly access: AccessTables | null;
  /** Whose PROXY headers are trusted; null for everybody's. */
  readonly trusted: NetworkTables<true> | null;
  /** The rows that count the listener's relays. */
  readonly rows: readonly AdmissionRow[];
  /** Memory of the clients' rates and counts; null without such limits. */
  readonly rates: SharedArrayBuffer | null;
  readonly counts: SharedArrayBuffer | null;
  /** The same for networks. */
  readonly networkRates: SharedArrayBuffer | null;
  readonly networkCounts: SharedArrayBuffer | null;
  /** Memory of the rate of TLS handshakes, of all clients together and of each; null without a limit. */
  readonly handshakes: SharedArrayBuffer | null;
  readonly clientHandshakes: SharedArrayBuffer | null;
}

/** A row of the table that all workers share. */
export interface AdmissionRow {
  readonly slot: number;
  /** The most relays that it may count. */
  readonly most: number;
  /** Why a client beyond that waits or is refused. */
  readonly full: FullReason;
}

/** The route function of a listener. */
export interface RouteOptions extends Omit<OfListener<"route">, "hook"> {
  /** The function; in a worker's thread, which cannot have it, its number. */
  readonly hook: Route | number;
}

/** How a listener of mode `valkey` serves its clients. */
export type ValkeyOptions = OfListener<"valkey">;

/** The mirror of a listener. */
export interface MirrorOptions extends Omit<OfListener<"mirror">, "address" | "plainText"> {
  readonly address: Address;
  /** It also gets what came by TLS that ends here; missing: it does not. */
  readonly plainText?: boolean;
  /** The listener's; missing for none. */
  readonly sourceAddresses?: readonly string[];
}

/**
 * Everything that a listener's relays need to know. Like all options here, finished and validated:
 * times are in milliseconds, 0 for never.
 */
export interface ListenerOptions<Where extends UpstreamAddress = Address> extends OfListener<""> {
  /** Its name in the log; addresses that were given together share it. */
  readonly name?: string;
  readonly address: Address;
  /** Empty in mode `sink`, and while all upstreams are services without known members. */
  readonly upstreams: readonly UpstreamOptions<Where>[];
  readonly balance: BalanceOptions;
  readonly dial: DialOptions;
  readonly edge: EdgeOptions;
  /** Null without a route function: then the policy alone decides. */
  readonly route: RouteOptions | null;
  /** How the clients' TLS is ended; null if it is not. */
  readonly tls: TlsServerOptions | null;
  /** How TLS begins with upstreams; null: not at all. */
  readonly upstreamTls: TlsClientOptions | null;
  /** Null for none. Never together with mode `sink`, which has nothing to copy. */
  readonly mirror: MirrorOptions | null;
  /** Null unless its mode is `valkey`. */
  readonly valkey: ValkeyOptions | null;
  /** For the control plane: engines get the outcome through the shared table. */
  readonly health: HealthOptions;
  /** The upstream runs in this process, so each relay takes one more descriptor. */
  readonly upstreamInside?: boolean;
  /** Permissions and owner of a unix socket that it listens on. */
  readonly unix: FileAccess;
}

/** A listener as configured. The control plane resolves its services. */
export type WantedListener = ListenerOptions<UpstreamAddress>;

/** The memory of one engine: at least four chunks (4 × 512 KiB). Sizes in bytes. */
export type MemoryOptions = OptionsIn<typeof proxyTable, "memory">;

/** The settings of the uring engine. */
export type UringOptions = OptionsIn<typeof uringTable, "">;

/** How the uring engine sends what it received. */
export type UringSend = UringOptions["send"];

/** The admin server. */
export interface AdminOptions extends OptionsIn<typeof proxyTable, "admin"> {
  readonly address: Address;
  /**
   * The token that requests must show; null if they need none, which is possible only on a loopback
   * address or a unix socket.
   */
  readonly token: string | null;
  /** The token for requests that only read; null for none. Only beside `token`. */
  readonly readToken: string | null;
  /** Permissions and owner of its unix socket. */
  readonly unix: FileAccess;
}

/** What the access log has, and where it goes. */
export interface AccessLogOptions extends OptionsIn<typeof proxyTable, "accessLog"> {
  readonly target: "stdout" | { readonly path: string };
  /** Permissions and owner of a file that ringway creates. */
  readonly access: FileAccess;
}

/** The user and group that the process becomes once its sockets are open: names or numbers. */
export interface AccountOptions {
  readonly user: string;
  /** Null for the user's own. */
  readonly group: string | null;
}

/** The options of the whole proxy, except those that only the command line uses. */
type OfProxy = Omit<OptionsIn<typeof proxyTable, "">, "stats" | "verbose">;
/** Options that may be missing, which means their default. */
type Spared = "drainDelayMs" | "dnsAllow";

/** A whole proxy, as the command line or a program asks for it. */
export interface ProxyOptions extends Omit<OfProxy, Spared>, Partial<Pick<OfProxy, Spared>> {
  readonly listeners: readonly WantedListener[];
  readonly memory: MemoryOptions;
  readonly uring: UringOptions;
  /** The bounds of TTLs; missing for the defaults. */
  readonly dnsTtl?: DnsTtl;
  /**
   * What else this process listens on, where no relay may go: the admin server, and the embedded
   * upstream (except for the listeners that relay to it).
   */
  readonly reserved?: readonly Address[];
}
