import type { Address, TcpAddress } from "../base/address.ts";
import { isName } from "../upstream/names/ask.ts";

/**
 * Whether two listening sockets may conflict: they have the same port, and the same host or one
 * that may include the other (a wildcard, or a name that was not looked up yet).
 */
export function mayOverlap(one: Address, other: Address): boolean {
  if (one.kind === "unix" || other.kind === "unix") return false;
  if (one.port !== other.port) return false;
  return one.host === other.host || isWide(one) || isWide(other);
}

function isWide(address: TcpAddress): boolean {
  return address.host === "::" || address.host === "0.0.0.0" || isName(address);
}
