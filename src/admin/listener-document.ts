import { formatAddress } from "../base/address.ts";
import type { EngineName, Mode, WantedListener } from "../config/options.ts";
import { tlsUpstreams } from "../config/tls-upstreams.ts";
import { certificatesOf } from "../control/certificates/expiry.ts";

/** A listener in the API. */
export interface ListenerDocument {
  /** Null if it has none. */
  name: string | null;
  /** The address as configured. */
  listen: string;
  /** The address that it accepts on. */
  address: string;
  mode: Mode;
  /** The engine that does its I/O. */
  engine: EngineName;
  /** As configured, in order; none in mode `sink`. */
  upstreams: string[];
  /** Those of them that get TLS from here. */
  upstreamTls: string[];
  /** The upstream is the built-in one. */
  upstreamInside: boolean;
  /** The upstream that gets a copy; null for none. */
  mirror: { address: string; bufferBytes: number; percent: number } | null;
  /** By what TLS clients ask for, in their order; none where nobody asks them. */
  routes: RouteDocument[];
  /** The certificate that expires first, and how many there are; null where TLS is not ended. */
  certificate: { name: string; expiresAt: number; count: number } | null;
  connectTimeoutMs: number;
  halfCloseTimeoutMs: number;
  /** False once it was drained. */
  accepting: boolean;
}

/** A route of a listener, as the API has it. */
export interface RouteDocument {
  /** What log and metrics call it. */
  label: string;
  names: string[];
  /** Application protocols. */
  alpn: string[];
  /** It is for clients that do not speak TLS. */
  plain: boolean;
  /** As they were given; null for all of the listener's. */
  upstreams: string[] | null;
  /** Its clients may not come in. */
  refuse: boolean;
}

/**
 * Describes a listener.
 *
 * @param engine the engine that carries it
 * @param address the one that it accepts on
 */
export function listenerDocument(
  options: WantedListener,
  engine: EngineName,
  address = options.address,
  accepting = true,
): ListenerDocument {
  return {
    name: options.name ?? null,
    listen: formatAddress(options.address),
    address: formatAddress(address),
    mode: options.mode,
    engine,
    upstreams: options.upstreams.map((one) => formatAddress(one.address)),
    upstreamTls: tlsUpstreams(options),
    upstreamInside: options.upstreamInside ?? false,
    mirror: mirrorDocument(options),
    routes: options.routes.map(({ label, names, alpn, isPlain, upstreams, isRefused }) => ({
      label,
      names: [...names],
      alpn: [...alpn],
      plain: isPlain,
      upstreams: upstreams === null ? null : [...upstreams],
      refuse: isRefused,
    })),
    certificate: certificateDocument(options),
    connectTimeoutMs: options.connectTimeoutMs,
    halfCloseTimeoutMs: options.halfCloseTimeoutMs,
    accepting,
  };
}

function certificateDocument(options: WantedListener): ListenerDocument["certificate"] {
  const all = certificatesOf([{ name: "", options }]);
  const [first] = all.toSorted((one, other) => one.expiresAt - other.expiresAt);
  if (first === undefined) return null;
  return { name: first.name, expiresAt: first.expiresAt, count: all.length };
}

function mirrorDocument({ mirror }: WantedListener): ListenerDocument["mirror"] {
  if (mirror === null) return null;
  const { address, bufferSize, percent } = mirror;
  return { address: formatAddress(address), bufferBytes: bufferSize, percent };
}
