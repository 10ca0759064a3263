import type { HostAddress } from "./resolver.ts";

/** Milliseconds from one attempt of a dial to the next, if none has failed before (RFC 8305 §5). */
export const ATTEMPT_DELAY_MS = 250;

/** Attempts of one dial at a time: with more to try the oldest of them, a second old, gives way. */
export const ATTEMPTS_MAX = 4;

/**
 * The order in which to dial the addresses of a name (RFC 8305 §4): the families in turn, so that one
 * family that leads nowhere costs one attempt and not all of them. The family of the first address
 * stays first: the system has sorted them by what this machine can reach (RFC 6724).
 *
 * @param turn by so many places each family is rotated: whoever counts it up from dial to dial spreads
 *   dials over all addresses; 0, 1, 2…
 * @returns the same addresses, each family in the order given but for the rotation
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
