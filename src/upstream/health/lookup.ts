import { ipKind } from "../../config/ip.ts";
import type { Address, UnixAddress } from "../../config/options.ts";

/** An address that can be dialled as it is: no name is left to be looked up. */
export type LiteralAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | UnixAddress;

/** Most addresses of one name that are tried. */
const ADDRESSES_MAX = 4;

/** Lookups that are under way, by their names. */
const running = new Map<string, Promise<readonly string[]>>();

/**
 * The addresses behind an address: itself, or those of its host name in the order of the system, at
 * most four.
 *
 * A lookup cannot be taken back, and one that hangs holds a thread: who asks for a name that is being
 * looked up waits for the same lookup, so that checks cannot pile them up.
 *
 * @throws the system's error, with a `code` such as DNS_ENOTFOUND
 */
export async function literals(address: Address): Promise<readonly LiteralAddress[]> {
  if (address.kind === "unix" || ipKind(address.host) !== 0) return [address];
  const { kind, host: name, port } = address;
  let lookup = running.get(name);
  if (lookup === undefined) {
    lookup = hostsOf(name).finally(() => running.delete(name));
    running.set(name, lookup);
  }
  return (await lookup).slice(0, ADDRESSES_MAX).map((host) => ({ kind, host, port }));
}

async function hostsOf(name: string): Promise<readonly string[]> {
  const found = await Bun.dns.lookup(name, { backend: "getaddrinfo" });
  return [...new Set(found.map(({ address }) => address))];
}
