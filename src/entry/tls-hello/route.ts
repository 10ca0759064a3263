/**
 * Where the clients of a listener go that ask for certain names or protocols. One without names, protocols and
 * `isPlain` is the default. Finished and validated.
 */
export interface NameRoute {
  /** What the log and metrics call it; no other route of the listener has the same. */
  readonly label: string;
  /** Host names, and wildcards such as `*.example.org`, as `hostPattern` returns them. */
  readonly names: readonly string[];
  /** Application protocols (ALPN), one of which a client has to offer; empty for any or none. */
  readonly alpn: readonly string[];
  /** It is for clients that do not speak TLS. */
  readonly isPlain: boolean;
  /** Addresses and services among the listener's upstreams, as they are configured; null for all of them. */
  readonly upstreams: readonly string[] | null;
  /** Its clients may not come in. */
  readonly isRefused: boolean;
}

/** Routes that a listener may have: each has a queue of its own, and a label in metrics. */
export const ROUTES_MAX = 1_024;
