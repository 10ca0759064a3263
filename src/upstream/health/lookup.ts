import type { Address } from "../../base/address.ts";
import { isName } from "../names/ask.ts";

/**
 * Tells the hosts behind a name: what is known at once, the first time the answer to a question.
 *
 * @returns literal ones, at least one, in the system's order
 * @throws NameError
 */
export type HostsOf = (name: string) => Promise<readonly string[]>;

/**
 * Tells the addresses behind an address; see {@link literals}.
 *
 * @throws NameError also when it may not be dialled
 */
export type Literals = (address: Address) => Promise<readonly Address[]>;

/** Most addresses of one name that are tried. */
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
