import { SIGNATURE_V2 } from "../../src/entry/proxy-protocol/header.ts";

/**
 * A header of version 2, with whatever is wanted in it.
 *
 * @param command its 13th byte, such as 0x21: PROXY
 * @param family its 14th byte, such as 0x11: IPv4, stream
 */
export function headerV2(
  command: number,
  family: number,
  addresses: Uint8Array = new Uint8Array(0),
): Buffer {
  const length = [addresses.length >>> 8, addresses.length & 0xff];
  return Buffer.concat([SIGNATURE_V2, Uint8Array.of(command, family, ...length), addresses]);
}

/** Two IPv4 addresses as version 2 has them, from this one. @param source four numbers */
export function ipv4Addresses(...source: readonly number[]): Uint8Array {
  return Uint8Array.of(...source, 192, 0, 2, 1, 0x12, 0x67, 0, 80);
}

/** Two paths of as many bytes as there is room for, without a zero at their ends. */
export const longPaths = new Uint8Array(216).fill(0x2f);
