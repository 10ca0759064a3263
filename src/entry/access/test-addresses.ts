import fc from "fast-check";
import { encodeSockaddr } from "../../system/sockaddr.ts";
import { type ClientAddress, ipClient } from "./client-address.ts";

/** A client's address as the kernel writes it, with room to spare behind it, as in an engine. */
export function clientAt(host: string, port = 1_234): ClientAddress {
  const address = new Uint8Array(28);
  address.set(encodeSockaddr({ kind: "tcp", host, port }));
  const client = ipClient(address);
  if (client === null) throw new Error("an IP address is a client's");
  return client;
}

/** The same for an IPv4 address that is given as a number. */
export function ipv4Client(word: number): ClientAddress {
  return clientAt(dotted(word));
}

/** An IPv4 address as text. */
export function dotted(word: number): string {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join(".");
}

/** An IPv6 address as text, in full. @param value 128 bits */
export function colons(value: bigint): string {
  const digits = value.toString(16).padStart(32, "0");
  return (digits.match(/.{4}/g) ?? []).join(":");
}

/** Numbers with few bits that differ, so that networks and addresses meet. */
export function meeting(bits: 32 | 128): fc.Arbitrary<bigint> {
  const ends = [0n, 1n, 2n ** BigInt(bits) - 1n, 2n ** BigInt(bits - 1), 0xffffn, 0x10000n];
  const sparse = fc.tuple(fc.nat({ max: 15 }), fc.nat({ max: bits - 4 }));
  return fc.oneof(
    fc.constantFrom(...ends),
    sparse.map(([value, shift]) => BigInt(value) << BigInt(shift)),
    fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n }),
  );
}
