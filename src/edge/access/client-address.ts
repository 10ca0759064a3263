/*
 * What an access rule or a limit reads of a client's address, which is as the kernel wrote it (see
 * ../../engine/sockaddr.ts). Everything here runs once per connection and allocates nothing.
 *
 * An IPv4 client of a dual-stack listener comes as `::ffff:a.b.c.d`. It counts as IPv4 everywhere:
 * otherwise the same client would pass or not according to how the listener was opened.
 */

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

const IPV4_AT = 4;
const IPV6_AT = 8;
/** Where the IPv4 address within an IPv6 one begins. */
const MAPPED_AT = 20;

/** What a client's address is. */
export enum ClientKind {
  /** Behind a unix socket: its address is AF_UNIX or has no bytes at all. */
  Unix,
  IPv4,
  IPv6,
  /** None of these, which no listener of ours brings; whoever asks says what comes of it. */
  Unknown,
}

/** What a client's address is; `::ffff:a.b.c.d` is IPv4. */
export function clientKind(address: Uint8Array): ClientKind {
  if (address.length === 0) return ClientKind.Unix;
  const family = (address[0] as number) | ((address[1] as number) << 8);
  if (family === AF_INET) return ClientKind.IPv4;
  if (family === AF_INET6) return isMapped(address) ? ClientKind.IPv4 : ClientKind.IPv6;
  return family === AF_UNIX ? ClientKind.Unix : ClientKind.Unknown;
}

/** The address of an IPv4 client, 32 bits with a sign. @param address of that kind */
export function ipv4Word(address: Uint8Array): number {
  return wordAt(address, address[0] === AF_INET ? IPV4_AT : MAPPED_AT);
}

/** A quarter of the address of an IPv6 client, 32 bits with a sign. @param index 0 to 3 */
export function ipv6Word(address: Uint8Array, index: number): number {
  return wordAt(address, IPV6_AT + 4 * index);
}

function isMapped(address: Uint8Array): boolean {
  return (
    (address[18] as number) === 255 &&
    (address[19] as number) === 255 &&
    wordAt(address, IPV6_AT) === 0 &&
    wordAt(address, IPV6_AT + 4) === 0 &&
    (address[16] as number) === 0 &&
    (address[17] as number) === 0
  );
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}
