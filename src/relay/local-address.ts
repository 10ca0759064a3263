import type { Address } from "../base/address.ts";
import { ipKind } from "../base/ip.ts";

/**
 * Where all clients of a listener connect to, as its own address says; null where each has to be asked
 * for: behind a wildcard, a name, and a port that the system picks.
 */
export function sharedLocal(listener: Address): Address | null {
  if (listener.kind === "unix") return listener;
  const { host, port } = listener;
  return ipKind(host) === 0 || port === 0 || WILDCARD.test(host) ? null : listener;
}

/** `0.0.0.0`, `::` and `::ffff:0.0.0.0`, however they are written. */
const WILDCARD = /^(0\.0\.0\.0|[:0]+(ffff:(0\.0\.0\.0|0+:0+))?(%.*)?)$/i;
