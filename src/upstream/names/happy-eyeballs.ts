import type { HostAddress } from "./resolver.ts";

/**
 * Which family is dialled first: `ipv6`, `ipv4`, or that of the first address, which is right where
 * the system has sorted them by what this machine can reach (RFC 6724).
 */
export type Prefer = "ipv6" | "ipv4" | "given";

/** Milliseconds from one attempt to the next. */
export const ATTEMPT_DELAY_MS = 250;
const ATTEMPT_DELAY_MIN_MS = 10;
const ATTEMPT_DELAY_MAX_MS = 2_000;

/**
 * The order in which to dial the addresses of a name (RFC 8305 §4): the families in turn, so that one
 * family that leads nowhere costs one attempt and not all of them.
 *
 * @param turn by so many places each family is rotated: whoever counts it up from dial to dial spreads
 *   dials over all addresses; 0, 1, 2…
 * @returns the same addresses, each family in the order given but for the rotation
 */
export function orderAddresses(
  addresses: readonly HostAddress[],
  prefer: Prefer = "ipv6",
  turn = 0,
): HostAddress[] {
  const first = prefer === "given" ? addresses[0]?.family : prefer === "ipv6" ? 6 : 4;
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

/**
 * When the attempts begin, unless one before has succeeded (then none begins) or failed (then the next
 * one begins at once).
 *
 * @param delayMs from one attempt to the next; 10…2,000, what is beyond is taken for the nearest
 * @returns milliseconds from the first attempt, which is at 0
 */
export function attemptTimes(count: number, delayMs = ATTEMPT_DELAY_MS): number[] {
  const step = Math.min(Math.max(delayMs, ATTEMPT_DELAY_MIN_MS), ATTEMPT_DELAY_MAX_MS);
  return Array.from({ length: count }, (_, index) => index * step);
}

function rotated<T>(items: readonly T[], turn: number): T[] {
  const at = items.length === 0 ? 0 : turn % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
