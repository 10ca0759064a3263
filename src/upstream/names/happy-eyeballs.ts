import type { HostAddress } from "./resolver.ts";

/**
 * Milliseconds between two attempts of a dial, unless the first one fails earlier (RFC 8305 §5).
 */
export const ATTEMPT_DELAY_MS = 250;

/**
 * Most attempts of one dial at a time. To make another one, the oldest, a second old, is cancelled.
 */
export const ATTEMPTS_MAX = 4;

/**
 * Orders the addresses of a name for dialling (RFC 8305 §4): the families alternate, so that a
 * family without a route costs one attempt, not all of them. The family of the first address stays
 * first: the system has sorted the addresses by what this machine can reach (RFC 6724).
 *
 * @param turn how many places to rotate each family by, 0, 1, 2…; counting it up from dial to dial
 *   spreads dials over all addresses
 */
export function orderAddresses(addresses: readonly HostAddress[], turn: number): HostAddress[] {
  const first = addresses[0]?.family;
  const [leading, following] = [true, false].map((isFirst) =>
    rotated(
      addresses.filter(({ family }) => (family === first) === isFirst),
      turn,
    ),
  ) as [HostAddress[], HostAddress[]];
  const ordered: HostAddress[] = [];
  for (let index = 0; index < Math.max(leading.length, following.length); index++) {
    ordered.push(...leading.slice(index, index + 1), ...following.slice(index, index + 1));
  }
  return ordered;
}

function rotated<T>(items: readonly T[], turn: number): T[] {
  const at = items.length === 0 ? 0 : turn % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
