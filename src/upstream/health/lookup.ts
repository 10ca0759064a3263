import type { Address } from "../../base/address.ts";
import { isName } from "../names/ask.ts";

/**
 * Finds the hosts behind a name: at once if they are known, otherwise by asking DNS.
 *
 * @returns literal hosts, at least one, in the system's order
 * @throws NameError
 */
export type HostsOf = (name: string) => Promise<readonly string[]>;

/**
 * Finds the addresses behind an address; see {@link literals}.
 *
 * @throws NameError also if the address may not be dialled
 */
export type Literals = (address: Address) => Promise<readonly Address[]>;

/** Most addresses of one name to try. */
const ADDRESSES_MAX = 4;

/**
 * The addresses behind an address: itself, or those of its host name, at most four.
 *
 * @throws NameError
 */
export async function literals(address: Address, hostsOf: HostsOf): Promise<readonly Address[]> {
  if (!isName(address)) return [address];
  const hosts = await hostsOf(address.host);
  return hosts.slice(0, ADDRESSES_MAX).map((host) => ({ ...address, host }));
}
