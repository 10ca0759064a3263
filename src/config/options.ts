/** A TCP address. `host` is a host name, an IPv4 or an IPv6 literal (without brackets). */
export interface TcpAddress {
  readonly kind: "tcp";
  readonly host: string;
  /** 0…65535; 0 lets the system pick, for a listener only. */
  readonly port: number;
}

/** A unix socket. A path that begins with `\0` is in Linux' abstract namespace. */
export interface UnixAddress {
  readonly kind: "unix";
  readonly path: string;
}

/** Where a listener accepts or an upstream is reached. */
export type Address = TcpAddress | UnixAddress;

/**
 * What a relay does with bytes: both ways; client to upstream only (what the upstream sends is read
 * and discarded, so that it never stalls); or no upstream at all: receive, count, discard.
 */
export type Mode = "bidirectional" | "oneway" | "sink";

export type EngineName = "sockets" | "uring";

/** Everything that a listener's relays need to know. Finished and validated. */
export interface ListenerOptions {
  readonly address: Address;
  readonly mode: Mode;
  /** Tried in turn, one more per relay; at least one, except in mode `sink`, which has none. */
  readonly upstreams: readonly Address[];
  /** The upstream runs in this process, so that each relay takes a descriptor more. */
  readonly upstreamInside?: boolean;
  /** Milliseconds until one dial is given up, at least 1. */
  readonly connectTimeoutMs: number;
  /** Milliseconds that a half-closed relay may stand still, at least 1. */
  readonly halfCloseTimeoutMs: number;
}

/** What one engine's memory may be. */
export interface MemoryOptions {
  /** Bytes of a segment: a power of two, 4 KiB…1 MiB. */
  readonly segmentSize: number;
  /** Most segments of a worker; at least four chunks' worth (4 × 512 KiB). */
  readonly segmentCount: number;
}

/** A whole proxy, as the command line or a program asks for it. Finished and validated. */
export interface ProxyOptions {
  readonly listeners: readonly ListenerOptions[];
  readonly engine: "auto" | EngineName;
  readonly memory: MemoryOptions;
  /** Milliseconds that running relays get at a stop, 0 cuts them at once. */
  readonly drainTimeoutMs: number;
}

/** Defaults, each once, for the command line, the configuration file and the library alike. */
export const defaults = {
  listen: { kind: "tcp", host: "127.0.0.1", port: 6380 },
  mode: "bidirectional",
  engine: "auto",
  workers: 1,
  connectTimeoutMs: 5_000,
  halfCloseTimeoutMs: 60_000,
  drainTimeoutMs: 10_000,
  segmentSize: 64 * 1024,
  segmentCount: 4096,
  stats: "text",
} as const;
