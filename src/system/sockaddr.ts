import { readFileSync } from "node:fs";
import { assert } from "../assert.ts";
import type { Address } from "../base/address.ts";
import { formatIPv6, parseIPv4, parseIPv6 } from "../base/ip.ts";

/*
 * Socket addresses as Linux writes them; numbers are big-endian.
 *
 *     sockaddr_in    family 2 | port 2 | address 4  | zero 8
 *     sockaddr_in6   family 2 | port 2 | flow 4     | address 16 | scope 4 (little-endian here)
 *     sockaddr_un    family 2 | path, up to 108, ended by a zero; one that begins with a zero is
 *                    abstract, and ends where the address does
 *
 * Source: man ip(7), ipv6(7), unix(7). Every machine that Bun runs on is little-endian.
 */

/** The address families, as Linux numbers them. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** Bytes of an IPv6 address with its port: the longest address except a path. */
export const SOCKADDR_IP_SIZE = 28;

/** Bytes of an IPv4 address with its port. */
export const SOCKADDR_IN_SIZE = 16;
const SUN_PATH_SIZE = 108;

/** Bytes of the longest address: a unix socket's path without a final zero. */
export const SOCKADDR_SIZE_MAX = 2 + SUN_PATH_SIZE;

/** The first bytes of an IPv4-mapped IPv6 address, `::ffff:a.b.c.d`. */
export const MAPPED_PREFIX = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255);

/**
 * Encodes an address for bind(2) and connect(2).
 *
 * @param address its host is a literal; an IPv6 one may name its interface (`fe80::1%eth0`)
 */
export function encodeSockaddr(address: Address): Uint8Array {
  if (address.kind === "unix") return encodeUnix(address.path);
  const { host, port } = address;
  if (!host.includes(":")) {
    const bytes = withPort(SOCKADDR_IN_SIZE, AF_INET, port);
    bytes.set(known(parseIPv4(host)), 4);
    return bytes;
  }
  const [literal = "", zone = ""] = host.split("%");
  const bytes = withPort(SOCKADDR_IP_SIZE, AF_INET6, port);
  const view = new DataView(bytes.buffer);
  for (const [index, group] of known(parseIPv6(literal)).entries()) {
    view.setUint16(8 + 2 * index, group);
  }
  if (zone !== "") view.setUint32(24, scopeOf(zone), true);
  return bytes;
}

/**
 * Decodes an address that the kernel wrote. An IPv4-mapped address is shown as IPv4, the interface
 * of a link-local one as its number.
 *
 * @param end where it ends, which is also the end of an abstract socket's name
 */
export function decodeSockaddr(bytes: Uint8Array, offset = 0, end = bytes.length): Address {
  const family = familyOf(bytes, offset);
  if (family === AF_UNIX)
    return { kind: "unix", path: decodePath(bytes.subarray(offset + 2, end)) };
  assert(family === AF_INET || family === AF_INET6, "decodeSockaddr: AF_UNIX, AF_INET or AF_INET6");
  const port = uint16(bytes, offset + 2);
  const host = family === AF_INET ? ipv4Text(bytes, offset + 4) : ipv6Text(bytes, offset + 8);
  return { kind: "tcp", host, port };
}

/** Whether it is a complete IP address. @param bytes more may follow */
export function isIpSockaddr(bytes: Uint8Array): boolean {
  const family = familyOf(bytes);
  if (family === AF_INET) return bytes.length >= SOCKADDR_IN_SIZE;
  return family === AF_INET6 && bytes.length >= SOCKADDR_IP_SIZE;
}

/** Whether it is a unix socket's address, with or without a name. */
export function isUnixSockaddr(bytes: Uint8Array): boolean {
  return familyOf(bytes) === AF_UNIX;
}

/** The address family. */
export function familyOf(bytes: Uint8Array, offset = 0): number {
  return (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
}

/** An IP address of which only the family and the port are set. */
export function withPort(size: number, family: number, port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  bytes[0] = family;
  bytes[2] = port >>> 8;
  bytes[3] = port & 0xff;
  return bytes;
}

function encodeUnix(path: string): Uint8Array {
  const text = new TextEncoder().encode(path);
  assert(text.length < SUN_PATH_SIZE, "encodeSockaddr: the path fits");
  // A zero ends a path, but would belong to an abstract name.
  const bytes = new Uint8Array(2 + text.length + (path.startsWith("\0") ? 0 : 1));
  bytes[0] = AF_UNIX;
  bytes.set(text, 2);
  return bytes;
}

function decodePath(bytes: Uint8Array): string {
  const zero = bytes.indexOf(0);
  return new TextDecoder().decode(zero > 0 ? bytes.subarray(0, zero) : bytes);
}

function known(numbers: number[] | null): number[] {
  assert(numbers !== null, "encodeSockaddr: the host is an IP address");
  return numbers;
}

function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function ipv6Text(bytes: Uint8Array, at: number): string {
  if (MAPPED_PREFIX.every((byte, index) => bytes[at + index] === byte)) {
    return ipv4Text(bytes, at + MAPPED_PREFIX.length);
  }
  const groups: number[] = [];
  for (let group = 0; group < 16; group += 2) groups.push(uint16(bytes, at + group));
  const host = formatIPv6(groups);
  const scope = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 16, true);
  return scope === 0 ? host : `${host}%${scope}`;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** The number of an interface, which may be given by number; 0 if there is no such interface. */
function scopeOf(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  try {
    return Number(readFileSync(`/sys/class/net/${zone}/ifindex`, "utf8"));
  } catch {
    return 0;
  }
}
