import { ipKind } from "../config/ip.ts";
import type { Address, TcpAddress, UpstreamAddress } from "../config/options.ts";

/**
 * Tells the addresses behind a host name in the order in which to dial them, none when it cannot be
 * resolved: before it returns where they are known, else later.
 *
 * @param slot the row of the upstream that is dialled, some of whose addresses may not be well; null
 *   for what is no upstream
 * @param answer called once, with literal addresses
 */
export type ResolveName = (
  host: string,
  port: number,
  slot: number | null,
  answer: (addresses: readonly Address[]) => void,
) => void;

/** Whether the host of an address has to be resolved before it can be dialled. */
export function isName(address: UpstreamAddress): address is TcpAddress {
  return address.kind === "tcp" && ipKind(address.host) === 0;
}
