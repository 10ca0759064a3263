import { type Address, formatAddress } from "../base/address.ts";
import { formatCount, formatCounted } from "../base/quantity.ts";
import type { EngineName, WantedListener } from "../config/options.ts";
import { tlsNote, tlsUpstreams } from "../config/tls-upstreams.ts";
import { portRuns } from "./port-runs.ts";

/** The most upstreams of a listener that a line names. */
const UPSTREAMS_SHOWN = 16;

/** A listener, and the address on which it accepts. */
export interface Accepting {
  readonly options: WantedListener;
  readonly address: Address;
  /** The engine that carries it. */
  readonly engine: EngineName;
}

/**
 * Log lines about listeners that accept: one for each listener or run of ports.
 *
 * @param saysEngine there is more than one engine
 */
export function listeningLines(listeners: readonly Accepting[], saysEngine = false): string[] {
  const runs = portRuns(listeners, ({ options, address, engine }) => ({
    listen: formatAddress(address),
    upstreams: upstreamNames(options),
    // Everything in its line except the addresses.
    rest: JSON.stringify([options.name, destination(options, []), saysEngine && engine]),
  }));
  return runs.map(({ first: { options, engine }, listen, upstreams }) => {
    const { name } = options;
    const here = `${name === undefined ? "" : `${name}: `}listening on ${listen}`;
    const by = saysEngine ? ` by engine ${engine}` : "";
    return `${here}${by}${destination(options, upstreams)}`;
  });
}

/** The log line about the admin server. @param address where it listens */
export function adminLine(address: Address): string {
  const where = formatAddress(address);
  return `admin page, API and metrics on ${address.kind === "tcp" ? `http://${where}` : where}`;
}

/** A listener's upstreams as text. */
export function upstreamNames({ upstreams }: WantedListener): string[] {
  return upstreams.map(({ address }) => formatAddress(address));
}

/** Where a listener's relays go, to follow its address. @param to its upstreams as text */
export function destination(listener: WantedListener, to: readonly string[]): string {
  const { mode, upstreams, upstreamInside, mirror, routes } = listener;
  if (mode === "sink") return " (sink: what clients send is counted and discarded)";
  const isDemo = upstreamInside === true || upstreams.length === 0;
  const secured = tlsNote(upstreamNames(listener), tlsUpstreams(listener));
  const notes = [
    ...(secured === "" ? [] : [secured]),
    ...(isDemo ? ["(a demo built in)"] : []),
    ...(mode === "oneway" ? ["(oneway: nothing comes back)"] : []),
    ...(mode === "valkey" ? ["(valkey: clients share connections)"] : []),
    ...(routes.length === 0 ? [] : [`(by ${formatCounted(routes.length, "route")})`]),
    ...(mirror === null ? [] : [`(copied to ${formatAddress(mirror.address)})`]),
  ];
  const shown = to.slice(0, UPSTREAMS_SHOWN);
  const others = to.length - shown.length;
  const names = `${shown.join(", ")}${others > 0 ? ` and ${formatCount(others)} more` : ""}`;
  return ` → ${[...(names === "" ? [] : [names]), ...notes].join(" ")}`;
}

/**
 * Commands that get an answer from the embedded upstream, one per line: with and without the Redis
 * tools.
 */
export function hints(address: Address): string[] {
  if (address.kind === "unix") {
    // The tools do not support abstract sockets.
    if (address.path.startsWith("\0")) return [];
    const path = quoteForShell(address.path);
    return commands(`-s ${path}`, `-U ${path}`);
  }
  const isAll = address.host === "::" || address.host === "0.0.0.0";
  const host = isAll ? "127.0.0.1" : address.host;
  return commands(`-h ${host} -p ${address.port}`, `${host} ${address.port}`);
}

function commands(redis: string, netcat: string): string[] {
  return [
    `try: redis-cli ${redis} ping`,
    `try: redis-benchmark ${redis} -q -t ping,set,get`,
    // QUIT makes the upstream close, because not every nc ends with its input.
    `try: printf 'PING\\r\\nQUIT\\r\\n' | nc ${netcat}`,
  ];
}

function quoteForShell(text: string): string {
  return /^[\w/.:@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
