import type { Address, TcpAddress } from "../base/address.ts";
import { isName } from "../upstream/names/ask.ts";

/**
 * Whether two sockets that listen may be in each other's way: they have the same port, and the same
 * host, or one of the hosts may stand for the other: all addresses, or a name, which shows what it
 * stands for only when it is looked up.
 */
export function mayOverlap(one: Address, other: Address): boolean {
  if (one.kind === "unix" || other.kind === "unix") return false;
  if (one.port !== other.port) return false;
  return one.host === other.host || isWide(one) || isWide(other);
}

function isWide(address: TcpAddress): boolean {
  return address.host === "::" || address.host === "0.0.0.0" || isName(address);
}
