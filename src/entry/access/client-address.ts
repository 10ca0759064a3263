import { assert } from "../../assert.ts";
import type { Address } from "../../base/address.ts";

/*
 * Reads client addresses in the kernel's form (see ../../system/sockaddr.ts) for access rules and
 * limits. Everything here runs once per connection and allocates nothing.
 *
 * An IPv4 client of a dual-stack listener comes as `::ffff:a.b.c.d`. It counts as IPv4 everywhere,
 * so that the way a listener was opened does not decide whether a client is admitted.
 */

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

const SOCKADDR_IN_SIZE = 16;
const SOCKADDR_IN6_SIZE = 28;

const IPV4_AT = 4;
const IPV6_AT = 8;
/** Offset of the IPv4 address within a mapped IPv6 one. */
const MAPPED_AT = 20;

declare const brand: unique symbol;

/**
 * Who a client is, for rules and limits: an IP address with its port in the kernel's form, 16 to
 * {@link CLIENT_ADDRESS_SIZE} bytes, or {@link UNIX_CLIENT}. An unknown client has null instead,
 * which no rule accepts: a client is not admitted because it is unknown.
 *
 * Only {@link clientOf} and {@link ipClient} make it. It is never written to.
 */
export type ClientAddress = Uint8Array & { readonly [brand]: true };

/** Size of the longest client address. */
export const CLIENT_ADDRESS_SIZE = SOCKADDR_IN6_SIZE;

/** Every client of a unix socket, as the address that it is bound to says nothing about it. */
export const UNIX_CLIENT = Uint8Array.of(AF_UNIX, 0) as ClientAddress;

/**
 * The client that has connected to a listener. The listener decides its kind: if the listener has
 * an IP address, a client without one (it has reset) is unknown, not a unix client.
 *
 * @param peer returns the other end's address in memory of its own, or null if there is none; not
 *   called for unix sockets
 * @returns null if the client is unknown
 */
export function clientOf(
  listener: Pick<Address, "kind">,
  peer: () => Uint8Array | null,
): ClientAddress | null {
  if (listener.kind === "unix") return UNIX_CLIENT;
  const address = peer();
  return address === null ? null : ipClient(address);
}

/**
 * The client with this IP address.
 *
 * @param sockaddr in the kernel's form; more bytes may follow. It is kept by reference
 * @returns null if it is incomplete or of another family
 */
export function ipClient(sockaddr: Uint8Array): ClientAddress | null {
  const family = familyOf(sockaddr);
  if (family !== AF_INET && family !== AF_INET6) return null;
  if (sockaddr.length < (family === AF_INET ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_SIZE)) return null;
  return (
    sockaddr.length <= CLIENT_ADDRESS_SIZE ? sockaddr : sockaddr.slice(0, CLIENT_ADDRESS_SIZE)
  ) as ClientAddress;
}

/** The kind of a client's address. */
export enum ClientKind {
  Unix,
  IPv4,
  IPv6,
}

/** The kind of a client's address; `::ffff:a.b.c.d` is IPv4. */
export function clientKind(address: ClientAddress): ClientKind {
  const family = familyOf(address);
  if (family === AF_INET) return ClientKind.IPv4;
  if (family === AF_INET6) return isMapped(address) ? ClientKind.IPv4 : ClientKind.IPv6;
  assert(family === AF_UNIX, "clientKind: a client has an IP address or is behind a unix socket");
  return ClientKind.Unix;
}

function familyOf(address: Uint8Array): number {
  return (address[0] as number) | ((address[1] as number) << 8);
}

/** The address of an IPv4 client, 32 bits, signed. */
export function ipv4Word(address: ClientAddress): number {
  return wordAt(address, address[0] === AF_INET ? IPV4_AT : MAPPED_AT);
}

/** A quarter of the address of an IPv6 client, 32 bits, signed. @param index 0 to 3 */
export function ipv6Word(address: ClientAddress, index: number): number {
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
