const ZERO = 48;
const NINE = 57;
const MINUS = 45;

/** The most digits that a double holds exactly; every length of the protocol has far fewer. */
const DIGITS_MAX = 15;

/** Reads a length of the protocol from `bytes[start, end)`: an optional minus sign and decimal
 *  digits without leading zeros, at most fifteen of them.
 *  @returns the number, or NaN for anything else. Never throws.
 *  Source: string2ll() in Redis' util.c. */
export function parseLength(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === MINUS;
  const first = negative ? start + 1 : start;
  if (first >= end || end - first > DIGITS_MAX) return Number.NaN;
  if (bytes[first] === ZERO && (negative || end - first > 1)) return Number.NaN;
  let value = 0;
  for (let i = first; i < end; i++) {
    const digit = bytes[i] ?? 0;
    if (digit < ZERO || digit > NINE) return Number.NaN;
    value = value * 10 + (digit - ZERO);
  }
  return negative ? -value : value;
}

/** The range of a signed 64-bit integer, which is the range of every integer in Redis. */
const INTEGER_MIN: bigint = -(2n ** 63n);
export const INTEGER_MAX: bigint = 2n ** 63n - 1n;

/** Reads a signed 64-bit integer as Redis does: no blanks, no plus sign, no leading zeros.
 *  @returns the integer, or undefined for anything else. Never throws. */
export function parseInteger(bytes: Uint8Array): bigint | undefined {
  const short = parseLength(bytes, 0, bytes.length);
  if (!Number.isNaN(short)) return BigInt(short);
  // The longest 64-bit integer has twenty characters, so a hostile value is refused before BigInt
  // sees it.
  if (bytes.length > 20) return undefined;
  const text = String.fromCharCode(...bytes);
  if (!/^-?[1-9][0-9]*$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= INTEGER_MIN && value <= INTEGER_MAX ? value : undefined;
}
