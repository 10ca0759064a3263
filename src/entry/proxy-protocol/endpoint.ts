import { assert } from "../../assert.ts";
import { Family } from "./header.ts";

/*
 * The two ends of a connection as a header has them: the bytes of an address, without the rest of
 * the kernel's form, which `system/sockaddr.ts` describes.
 */

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

const SOCKADDR_IN_SIZE = 16;
const SOCKADDR_IN6_SIZE = 28;
/** Bytes before the path. */
const UNIX_HEAD_SIZE = 2;

/** Bytes of a unix socket's path in a header, and in the kernel. */
export const PATH_SIZE = 108;

/** The first bytes of an IPv4 address within IPv6 (`::ffff:a.b.c.d`). */
const MAPPED_PREFIX = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** One end of a connection. */
export interface Endpoint {
  readonly family: Family;
  /** 4 or 16 bytes, big-endian, or a unix socket's path without trailing zeros. */
  readonly address: Uint8Array;
  /** 0…65535; 0 for a unix socket. */
  readonly port: number;
}

/** An IP address and its port in the kernel's form: 16 bytes for IPv4, 28 for IPv6. */
export function ipSockaddr(address: ArrayLike<number>, port: number): Uint8Array {
  const isIPv4 = address.length === 4;
  const bytes = new Uint8Array(isIPv4 ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_SIZE);
  bytes[0] = isIPv4 ? AF_INET : AF_INET6;
  bytes[2] = port >>> 8;
  bytes[3] = port & 0xff;
  bytes.set(address, isIPv4 ? 4 : 8);
  return bytes;
}

/**
 * A unix socket's address in the kernel's form, at most 110 bytes; 2 bytes if the socket has no
 * name.
 *
 * @param field the path with trailing zeros, at most {@link PATH_SIZE} bytes. If it begins with a
 *   zero it is abstract; a header does not say how long an abstract name is, so trailing zeros do
 *   not belong to it
 */
export function unixSockaddr(field: Uint8Array): Uint8Array {
  const path = pathOf(field);
  // A path ends with a zero if there is room for one; an abstract name ends with the address.
  const isEnded = path.length > 0 && path[0] !== 0 && path.length < PATH_SIZE;
  const bytes = new Uint8Array(UNIX_HEAD_SIZE + path.length + (isEnded ? 1 : 0));
  bytes[0] = AF_UNIX;
  bytes.set(path, UNIX_HEAD_SIZE);
  return bytes;
}

/**
 * Reads an address in the kernel's form.
 *
 * @param sockaddr complete; more bytes may follow an IP address
 * @returns null for a family that no header can express
 */
export function endpointOf(sockaddr: Uint8Array): Endpoint | null {
  const [low = 0, high = 0, portHigh = 0, portLow = 0] = sockaddr;
  const port = (portHigh << 8) | portLow;
  switch (low | (high << 8)) {
    case AF_INET:
      assert(sockaddr.length >= 8, "endpointOf: an IPv4 address is whole");
      return { family: Family.Inet, address: sockaddr.subarray(4, 8), port };
    case AF_INET6:
      assert(sockaddr.length >= 24, "endpointOf: an IPv6 address is whole");
      return { family: Family.Inet6, address: sockaddr.subarray(8, 24), port };
    case AF_UNIX: {
      const address = pathOf(sockaddr.subarray(UNIX_HEAD_SIZE));
      return { family: Family.Unix, address, port: 0 };
    }
    default:
      return null;
  }
}

/** Converts an IPv4 endpoint, mapped or not, to IPv4. @returns null for any other */
export function asIPv4(endpoint: Endpoint): Endpoint | null {
  if (endpoint.family === Family.Inet) return endpoint;
  if (endpoint.family !== Family.Inet6) return null;
  const { address, port } = endpoint;
  if (!MAPPED_PREFIX.every((byte, index) => address[index] === byte)) return null;
  return { family: Family.Inet, address: address.subarray(MAPPED_PREFIX.length), port };
}

/** Converts an IP endpoint to IPv6, mapping IPv4. @returns null for a path */
export function asIPv6(endpoint: Endpoint): Endpoint | null {
  if (endpoint.family === Family.Inet6) return endpoint;
  if (endpoint.family !== Family.Inet) return null;
  const address = new Uint8Array(16);
  address.set(MAPPED_PREFIX);
  address.set(endpoint.address, MAPPED_PREFIX.length);
  return { family: Family.Inet6, address, port: endpoint.port };
}

function pathOf(field: Uint8Array): Uint8Array {
  if (field[0] !== 0) {
    const zero = field.indexOf(0);
    return zero < 0 ? field : field.subarray(0, zero);
  }
  let size = field.length;
  while (size > 0 && field[size - 1] === 0) size--;
  return field.subarray(0, size);
}
