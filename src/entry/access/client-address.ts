import { assert } from "../../assert.ts";
import type { Address } from "../../base/address.ts";

/*
 * What an access rule or a limit reads of a client's address, which is as the kernel wrote it (see
 * ../../system/sockaddr.ts). Everything here runs once per connection and allocates nothing.
 *
 * An IPv4 client of a dual-stack listener comes as `::ffff:a.b.c.d`. It counts as IPv4 everywhere:
 * otherwise the same client would pass or not according to how the listener was opened.
 */

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

const SOCKADDR_IN_SIZE = 16;
const SOCKADDR_IN6_SIZE = 28;

const IPV4_AT = 4;
const IPV6_AT = 8;
/** Where the IPv4 address within an IPv6 one begins. */
const MAPPED_AT = 20;

declare const brand: unique symbol;

/**
 * Who a client is, and all that a rule or a limit is ever asked about: an IP address with its port in
 * the kernel's form, 16 to {@link CLIENT_ADDRESS_SIZE} bytes, or {@link UNIX_CLIENT}. Of whom nothing
 * is known there is none: null, which no rule takes, so that nobody comes in by not being known.
 *
 * Made by {@link clientOf} and {@link ipClient} only; nobody writes to it.
 */
export type ClientAddress = Uint8Array & { readonly [brand]: true };

/** Bytes of the longest one. */
export const CLIENT_ADDRESS_SIZE = SOCKADDR_IN6_SIZE;

/** Any client behind a unix socket: whatever it has bound itself to says nothing about it. */
export const UNIX_CLIENT = Uint8Array.of(AF_UNIX, 0) as ClientAddress;

/**
 * Who has connected to a listener. Which kind of client it is the listener says: where that has an IP
 * address its clients do, too, and one whose address cannot be had (it has reset) is no unix client.
 *
 * @param peer the other end's address, in bytes of its own; null when it cannot be had. Not asked for
 *   on a unix socket
 * @returns null when that is not known
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
 * @param sockaddr as the kernel writes it, more may stand behind; it is kept
 * @returns null when it is of another family, or not whole
 */
export function ipClient(sockaddr: Uint8Array): ClientAddress | null {
  const family = familyOf(sockaddr);
  if (family !== AF_INET && family !== AF_INET6) return null;
  if (sockaddr.length < (family === AF_INET ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_SIZE)) return null;
  return (
    sockaddr.length <= CLIENT_ADDRESS_SIZE ? sockaddr : sockaddr.slice(0, CLIENT_ADDRESS_SIZE)
  ) as ClientAddress;
}

/** What a client's address is. */
export enum ClientKind {
  Unix,
  IPv4,
  IPv6,
}

/** What a client's address is; `::ffff:a.b.c.d` is IPv4. */
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

/** The address of an IPv4 client, 32 bits with a sign. @param address of that kind */
export function ipv4Word(address: ClientAddress): number {
  return wordAt(address, address[0] === AF_INET ? IPV4_AT : MAPPED_AT);
}

/** A quarter of the address of an IPv6 client, 32 bits with a sign. @param index 0 to 3 */
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
