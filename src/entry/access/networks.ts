import {
  type ClientAddress,
  ClientKind,
  clientKind,
  ipv4Word,
  ipv6Word,
} from "./client-address.ts";
import type { Network } from "./network.ts";
import { cutRanges, NOWHERE, type Numbered, Ranges, type RangeTable } from "./ranges.ts";

export { formatNetwork, type Network, parseNetwork } from "./network.ts";

/**
 * A set in a form that can be sent to another thread, so that a worker need not build it: for
 * 100,000 networks that takes a third of a second, in which the worker would relay nothing.
 */
export interface NetworkTables<T> {
  /** Networks that were given, duplicates included. */
  readonly size: number;
  /** The distinct values; ranges refer to them by index. */
  readonly values: readonly T[];
  readonly ipv4: RangeTable;
  readonly ipv6: RangeTable;
}

/**
 * Networks with values. A lookup finds the most specific network that contains a client's address.
 *
 * The set never changes. IPv4 and IPv6 are separate, so `::/0` contains no IPv4 client, not even
 * one that came as `::ffff:a.b.c.d`.
 */
export class NetworkSet<T> {
  readonly tables: NetworkTables<T>;
  private readonly ipv4: Ranges;
  private readonly ipv6: Ranges;

  /** @param given networks, of which the later of two equal ones counts; or another set's tables */
  constructor(given: Iterable<readonly [Network, T]> | NetworkTables<T>) {
    this.tables = "ipv4" in given ? given : tablesOf(given);
    this.ipv4 = new Ranges(this.tables.ipv4);
    this.ipv6 = new Ranges(this.tables.ipv6);
  }

  /** The value of the client's most specific network; undefined if it is in none, or has no IP. */
  get(address: ClientAddress): T | undefined {
    const number = this.find(address);
    return number === NOWHERE ? undefined : this.tables.values[number];
  }

  /** Whether a client is in any of the networks. */
  has(address: ClientAddress): boolean {
    return this.find(address) !== NOWHERE;
  }

  private find(address: ClientAddress): number {
    const kind = clientKind(address);
    if (kind === ClientKind.IPv4) return this.ipv4.findIPv4(ipv4Word(address) >>> 0);
    if (kind !== ClientKind.IPv6) return NOWHERE;
    return this.ipv6.findIPv6(
      ipv6Word(address, 0) >>> 0,
      ipv6Word(address, 1) >>> 0,
      ipv6Word(address, 2) >>> 0,
      ipv6Word(address, 3) >>> 0,
    );
  }
}

function tablesOf<T>(entries: Iterable<readonly [Network, T]>): NetworkTables<T> {
  // Networks with the same value share its number, so that neighbouring ones become one range.
  const numbers = new Map<T, number>();
  const ipv4: Numbered[] = [];
  const ipv6: Numbered[] = [];
  for (const [network, value] of entries) {
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    (network.family === 4 ? ipv4 : ipv6).push({ network, value: number });
  }
  return {
    size: ipv4.length + ipv6.length,
    values: [...numbers.keys()],
    ipv4: cutRanges(ipv4),
    ipv6: cutRanges(ipv6),
  };
}
