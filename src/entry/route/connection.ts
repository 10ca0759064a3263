import { type ProxyHeader, TlvType } from "../proxy-protocol/header.ts";

/** A connection, as a {@link Route} sees it: what is known before its upstream is dialled. */
export interface Connection {
  /** The listener's name, or else the address that it accepts on. */
  readonly listener: string;
  /** The client as its PROXY header names it, or else the kernel: `host:port`, or `unix`. */
  readonly client: string;
  /** Where it has connected to, likewise; null when that is not known. */
  readonly local: string | null;
  /** What its PROXY header says beside that; null when it has sent none. */
  readonly header: ConnectionHeader | null;
  /** What its ClientHello says of TLS; null where `routes` do not ask for one. */
  readonly hello: ConnectionHello | null;
  /** The label of the route that this has led to; null for none. */
  readonly route: string | null;
  /**
   * The listener's upstreams, or those of the route, those of its services now included, as a {@link Decision} names
   * them.
   */
  readonly upstreams: readonly string[];
  /** How these are, in the same order: found out when it is read, so that nobody pays who does not. */
  readonly states: readonly UpstreamState[];
}

/** How an upstream is at this moment. */
export interface UpstreamState {
  /** As in {@link Connection.upstreams}. */
  readonly upstream: string;
  /** New relays may go there, as far as its health and who administers the proxy say. */
  readonly isOpen: boolean;
  /** Relays that it has or that dial it, of all workers. */
  readonly running: number;
  /** Relays that it may have; 0 for any number. */
  readonly maxRelays: number;
}

/** What a client's PROXY header says. The texts are whatever its sender wanted them to be. */
export interface ConnectionHeader {
  readonly version: 1 | 2;
  /** The host name that the client has asked for (SNI); null when the header has none. */
  readonly authority: string | null;
  /** The application's protocol, as TLS has negotiated it, likewise. */
  readonly alpn: string | null;
  /** Tells connections apart, likewise. */
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

/** What a {@link Route} wants of a connection; nothing at all: whatever would be without it. */
export type Decision =
  | {
      /**
       * One of {@link Connection.upstreams}, which is tried first, whatever the policy, the weights and
       * the backups say. When it is not open, is full or cannot be reached, the others follow as usual.
       */
      readonly upstream?: string | null | undefined;
      /**
       * The others never follow: the connection waits for this one as it would for any, where the
       * listener's settings let it wait, or is let go.
       */
      readonly strict?: boolean | undefined;
      /** Goes into the relay's story and the access log: at most 64 printable characters. */
      readonly label?: string | null | undefined;
      /** The client may not come in: it gets what the listener's `refuse` says (`route_refused`). */
      readonly refuse?: boolean | undefined;
    }
  | null
  | undefined;

/**
 * Decides about each connection, once it may come in and before its upstream is dialled. It runs in
 * the program's main thread; the connection waits, as long as `routeTimeout` allows. When it throws,
 * is late or answers anything else, `routeFailure` says what becomes of the connection.
 */
export type Route = (connection: Connection) => Decision | Promise<Decision>;

/** What a worker knows of a connection that its listener's other connections do not share. */
export type Caller = Pick<Connection, "client" | "local" | "header" | "hello" | "route">;

/** What a function is told of a connection. @param states see {@link Connection.states} */
export function connectionOf(
  { client, local, header, hello, route }: Caller,
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
    route,
    upstreams,
    get states() {
      return states();
    },
  };
}

/** What a function may know of a header. */
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

/** What is no UTF-8 is shown as such, and never thrown at anybody. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
