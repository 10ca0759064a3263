import { formatAddress } from "../base/address.ts";
import type { EngineName, Mode, WantedListener } from "../config/options.ts";

/** A listener, as the API has it. */
export interface ListenerDocument {
  /** Null where none was given. */
  name: string | null;
  /** As it was given. */
  listen: string;
  /** Where it really accepts. */
  address: string;
  mode: Mode;
  /** What does its I/O. */
  engine: EngineName;
  /** As they were given, in their order; none in mode `sink`. */
  upstreams: string[];
  /** The upstream is the one built in. */
  upstreamInside: boolean;
  /** Who gets a copy; null for nobody. */
  mirror: { address: string; bufferBytes: number; percent: number } | null;
  /** By what TLS clients ask for, in their order; none where nobody asks them. */
  routes: RouteDocument[];
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
 * A listener's options in words.
 *
 * @param engine the one that carries it
 * @param address where it really accepts
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
    connectTimeoutMs: options.connectTimeoutMs,
    halfCloseTimeoutMs: options.halfCloseTimeoutMs,
    accepting,
  };
}

function mirrorDocument({ mirror }: WantedListener): ListenerDocument["mirror"] {
  if (mirror === null) return null;
  const { address, bufferSize, percent } = mirror;
  return { address: formatAddress(address), bufferBytes: bufferSize, percent };
}
