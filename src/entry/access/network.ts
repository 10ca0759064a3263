import { ConfigError, describe } from "../../base/error.ts";
import { formatIPv6, isIPv6, parseIPv4, parseIPv6 } from "../../base/ip.ts";

/** All addresses that begin with the same bits. Plain data that can be sent to another thread. */
export interface Network {
  readonly family: 4 | 6;
  /** Its first address: one unsigned 32-bit number for IPv4, four for IPv6. */
  readonly words: readonly number[];
  /** How many bits its addresses have in common: 0 to 32 or 128. */
  readonly prefix: number;
}

/** Length of the prefix of an IPv4 address within IPv6. */
const MAPPED_PREFIX = 96;

/**
 * Reads a network (`10.0.0.0/8`, `2001:db8::/32`) or one address (`10.1.2.3`, `::1`).
 * `::ffff:10.0.0.0/104` is the IPv4 network 10.0.0.0/8, because clients in it count as IPv4.
 *
 * @throws ConfigError with one sentence that begins with the text
 */
export function parseNetwork(text: string): Network {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const length = slash === -1 ? null : text.slice(slash + 1);
  const ipv4 = parseIPv4(address);
  if (ipv4 !== null) return checked(text, 4, wordsOfIPv4(ipv4), prefixOf(text, length, 0, 32));
  if (!isIPv6(address)) {
    const expected = "expected a network such as 10.0.0.0/8 or 2001:db8::/32, or an address";
    throw new ConfigError(`${describe(text)}: ${expected}`);
  }
  const groups = parseIPv6(address);
  if (groups === null) {
    const why = "a network is the same on every interface; expected it without";
    throw new ConfigError(`${describe(text)}: ${why} %${address.split("%")[1]}`);
  }
  const words = wordsOfIPv6(groups);
  if (!isMapped(words)) return checked(text, 6, words, prefixOf(text, length, 0, 128));
  const prefix = prefixOf(text, length, MAPPED_PREFIX, 128) - MAPPED_PREFIX;
  return checked(text, 4, words.slice(3), prefix);
}

/** A network as {@link parseNetwork} reads it; a single address without its prefix length. */
export function formatNetwork({ family, words, prefix }: Network): string {
  const address = family === 4 ? formatIPv4(words[0] ?? 0) : formatIPv6(groupsOf(words));
  return prefix === (family === 4 ? 32 : 128) ? address : `${address}/${prefix}`;
}

/** Whether the first network contains the second one. */
export function holds(network: Network, { family, words, prefix }: Network): boolean {
  if (family !== network.family || prefix < network.prefix) return false;
  return network.words.every((word, index) => {
    const mask = wordMask(wordPrefix(network.prefix, index));
    return (((words[index] ?? 0) ^ word) & mask) === 0;
  });
}

/** The bits of a word that belong to a network, signed. @param prefix 0 to 32 */
export function wordMask(prefix: number): number {
  // A shift by 32 would shift by 0.
  return prefix === 0 ? 0 : -1 << (32 - prefix);
}

/** A prefix length's part of one of an address's words. @returns 0 to 32 */
export function wordPrefix(prefix: number, index: number): number {
  return Math.min(32, Math.max(0, prefix - 32 * index));
}

function prefixOf(text: string, length: string | null, min: number, max: number): number {
  if (length === null) return max;
  const prefix = /^(?:0|[1-9]\d{0,2})$/.test(length) ? Number(length) : -1;
  if (prefix >= min && prefix <= max) return prefix;
  const whose = min === 0 ? "" : " for an IPv4 address within IPv6";
  throw new ConfigError(
    `${describe(text)}: expected a prefix length from ${min} to ${max}${whose}`,
  );
}

/** Refuses networks such as 10.1.2.3/8, whose author probably means another one. */
function checked(text: string, family: 4 | 6, words: number[], prefix: number): Network {
  const first = words.map((word, index) => (word & wordMask(wordPrefix(prefix, index))) >>> 0);
  const network: Network = { family, words: first, prefix };
  if (first.every((word, index) => word === words[index])) return network;
  const right = formatNetwork(network);
  const one = formatNetwork({ family, words, prefix: family === 4 ? 32 : 128 });
  throw new ConfigError(
    `${describe(text)}: the address has bits set after its first ${prefix}; ` +
      `expected ${right}, or ${one} for this address alone`,
  );
}

function wordsOfIPv4([a = 0, b = 0, c = 0, d = 0]: readonly number[]): number[] {
  return [((a << 24) | (b << 16) | (c << 8) | d) >>> 0];
}

function wordsOfIPv6(groups: readonly number[]): number[] {
  return [0, 2, 4, 6].map((at) => (((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0)) >>> 0);
}

function groupsOf(words: readonly number[]): number[] {
  return words.flatMap((word) => [word >>> 16, word & 0xffff]);
}

function isMapped([a, b, c]: readonly number[]): boolean {
  return a === 0 && b === 0 && c === 0xffff;
}

function formatIPv4(word: number): string {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join(".");
}
