import { formatAddress } from "../config/address.ts";
import type { Address, WantedListener } from "../config/options.ts";
import { formatCount } from "../config/quantity.ts";

/** A line names so many upstreams of a listener at most. */
const UPSTREAMS_SHOWN = 16;

/**
 * What the log says of a listener once all of them accept.
 *
 * @param address where it really accepts
 */
export function listeningLine(address: Address, listener: WantedListener): string {
  const { name } = listener;
  const here = `${name === undefined ? "" : `${name}: `}listening on ${formatAddress(address)}`;
  return `${here}${destination(listener)}`;
}

/** What the log says of the admin server. @param address where it really listens */
export function adminLine(address: Address): string {
  const where = formatAddress(address);
  return `admin page, API and metrics on ${address.kind === "tcp" ? `http://${where}` : where}`;
}

/** Where a listener's relays go, to be put after its address. */
export function destination({ mode, upstreams, upstreamInside, mirror }: WantedListener): string {
  if (mode === "sink") return " (sink: what clients send is counted and discarded)";
  const isDemo = upstreamInside === true || upstreams.length === 0;
  const notes = [
    ...(isDemo ? ["(a demo built in)"] : []),
    ...(mode === "oneway" ? ["(oneway: nothing comes back)"] : []),
    ...(mirror === null ? [] : [`(copied to ${formatAddress(mirror.address)})`]),
  ];
  const shown = upstreams.slice(0, UPSTREAMS_SHOWN).map(({ address }) => formatAddress(address));
  const others = upstreams.length - shown.length;
  const names = `${shown.join(", ")}${others > 0 ? ` and ${formatCount(others)} more` : ""}`;
  return ` → ${[...(names === "" ? [] : [names]), ...notes].join(" ")}`;
}

/**
 * What to type to see the embedded upstream answer, one command per line: for whoever has the Redis
 * tools, and for whoever does not.
 */
export function hints(address: Address): string[] {
  if (address.kind === "unix") {
    // The tools know no abstract sockets.
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
    // QUIT makes the upstream close, as not every nc ends when its input does.
    `try: printf 'PING\\r\\nQUIT\\r\\n' | nc ${netcat}`,
  ];
}

function quoteForShell(text: string): string {
  return /^[\w/.:@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
