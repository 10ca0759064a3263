import { formatAddress } from "../config/address.ts";
import type { Address } from "../config/options.ts";
import type { Settings } from "../config/validate.ts";

/**
 * What the log says of a listener once all of them accept.
 *
 * @param upstreams those that are relayed to; the embedded one too
 */
export function listeningLine(
  address: Address,
  { mode, upstreams: given }: Settings,
  upstreams: readonly Address[],
): string {
  const here = `listening on ${formatAddress(address)}`;
  if (mode === "sink") return `${here} (sink: what clients send is counted and discarded)`;
  const demo = given.length === 0 ? " (a demo built in)" : "";
  const note = mode === "oneway" ? `${demo} (oneway: nothing comes back)` : demo;
  return `${here} → ${upstreams.map(formatAddress).join(", ")}${note}`;
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
