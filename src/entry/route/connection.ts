import type { TlsFacts } from "../../transport/tls/facts.ts";
import { type ProxyHeader, TlvType } from "../proxy-protocol/header.ts";

/** A connection as a {@link Route} sees it: what is known before its upstream is dialled. */
export interface Connection {
  /** The listener's name, or its address if it has none. */
  readonly listener: string;
  /** The client (`host:port`, or `unix`) according to its PROXY header, or else to the kernel. */
  readonly client: string;
  /** The address that the client connected to, likewise; null if it is unknown. */
  readonly local: string | null;
  /** Other contents of the client's PROXY header; null if it has sent none. */
  readonly header: ConnectionHeader | null;
  /** What the client's ClientHello says about TLS; null unless `routes` or TLS ask for one. */
  readonly hello: ConnectionHello | null;
  /** What the client's TLS handshake agreed on; null unless TLS ends here. */
  readonly tls: ConnectionTls | null;
  /** The label of the route that this led to; null for none. */
  readonly route: string | null;
  /** The upstreams of the listener, or of the route, including the current members of its services. */
  readonly upstreams: readonly string[];
  /** Their states, in the same order; computed when read. */
  readonly states: readonly UpstreamState[];
}

/** The state of an upstream at this moment. */
export interface UpstreamState {
  /** As in {@link Connection.upstreams}. */
  readonly upstream: string;
  /** Whether new relays may go there: it is healthy, and not taken out by an administrator. */
  readonly isOpen: boolean;
  /** Relays that it has or that dial it, in all workers. */
  readonly running: number;
  /** The most relays that it may have; 0 for any number. */
  readonly maxRelays: number;
}

/** The contents of a client's PROXY header. Its sender can set the texts to anything. */
export interface ConnectionHeader {
  readonly version: 1 | 2;
  /** The host name that the client asked for (SNI); null if the header has none. */
  readonly authority: string | null;
  /** The application protocol that TLS negotiated, likewise. */
  readonly alpn: string | null;
  /** An id of the connection, likewise. */
  readonly uniqueId: string | null;
}

/** What a client's ClientHello says. The texts are whatever the client wanted them to be. */
export interface ConnectionHello {
  /** False if the client does not speak TLS. */
  readonly isTls: boolean;
  /** The host name that it asks for (SNI), in lower case; null if it asks for none. */
  readonly name: string | null;
  /** The application protocols that it offers (ALPN), in its order, 16 at most. */
  readonly alpn: readonly string[];
  /** The versions of TLS that it offers, such as `1.3`. */
  readonly versions: readonly string[];
}

/** What a client's TLS handshake agreed on, where it ends at ringway. */
export interface ConnectionTls {
  /** `1.2` or `1.3`. */
  readonly version: string;
  /** The cipher suite, as OpenSSL writes it. */
  readonly cipher: string;
  /** An earlier session was resumed. */
  readonly isResumed: boolean;
  /** Who the client has proved to be; null if it has shown no certificate. */
  readonly client: ConnectionTlsClient | null;
}

/** What a client's certificate says. It was verified, also in a resumed session. */
export interface ConnectionTlsClient {
  /** The common name; null if there is none. */
  readonly commonName: string | null;
  /** The DNS names, URIs and mail addresses that the certificate is for, 16 at most. */
  readonly names: readonly string[];
  /** SHA-256 of the certificate, in capitals with colons. */
  readonly fingerprint: string;
}

/** The decision of a {@link Route}. Empty: the listener's usual policy applies. */
export type Decision =
  | {
      /**
       * One of {@link Connection.upstreams}, to be tried first regardless of policy, weights and
       * backups. If it is not open, is full or cannot be reached, the others follow as usual.
       */
      readonly upstream?: string | null | undefined;
      /**
       * No other upstream is tried. The connection waits for this one as far as the listener's
       * settings allow, then it is closed.
       */
      readonly strict?: boolean | undefined;
      /** Shown in the relay's story and the access log: at most 64 printable characters. */
      readonly label?: string | null | undefined;
      /** Refuses the client (`route_refused`), in the way that the listener's `refuse` says. */
      readonly refuse?: boolean | undefined;
    }
  | null
  | undefined;

/**
 * Decides about each connection, once it is admitted and before its upstream is dialled. It runs in
 * the main thread of the program. The connection waits for up to `routeTimeout`. If the function
 * throws, is late or returns anything else, `routeFailure` decides what happens to the connection.
 */
export type Route = (connection: Connection) => Decision | Promise<Decision>;

/** What a worker knows about one connection, in contrast to all of a listener. */
export type Caller = Pick<Connection, "client" | "local" | "header" | "hello" | "tls" | "route">;

/** Makes the argument of a route function. @param states see {@link Connection.states} */
export function connectionOf(
  { client, local, header, hello, tls, route }: Caller,
  listener: string,
  upstreams: readonly string[],
  states: () => readonly UpstreamState[],
): Connection {
  return {
    listener,
    client,
    local,
    header,
    hello,
    tls,
    route,
    upstreams,
    get states() {
      return states();
    },
  };
}

/** The part of a header that a route function sees. */
export function connectionHeader({ version, tlvs }: ProxyHeader): ConnectionHeader {
  const text = (wanted: TlvType) => {
    const found = tlvs.find(({ type }) => type === wanted);
    return found === undefined ? null : decoder.decode(found.value);
  };
  return {
    version,
    authority: text(TlvType.Authority),
    alpn: text(TlvType.Alpn),
    uniqueId: text(TlvType.UniqueId),
  };
}

/** The part of a handshake that a route function sees. */
export function connectionTls({ version, cipher, isResumed, client }: TlsFacts): ConnectionTls {
  return { version, cipher, isResumed, client };
}

/** Replaces what is not UTF-8 instead of throwing. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
