import { ClientHash, type ClientPrefixes, prefixesOf } from "./client-hash.ts";
import {
  CAPACITY_DEFAULT,
  openTable,
  type SharedTable,
  setsFor,
  type TableOptions,
  tableBytes,
} from "./shared-memory.ts";

/** Which clients a table is for, and how many. */
export interface ClientTableOptions extends ClientPrefixes, TableOptions {}

/** A table of clients that threads share, each of whom belongs to one of its sets. */
export interface ClientTable extends Pick<SharedTable, "memory" | "words"> {
  readonly sets: number;
  /** Says which set a client belongs to. */
  readonly hash: ClientHash;
}

/**
 * Opens a table of clients. Any number of threads may do so at once.
 *
 * @param name whose it is, for assertions
 * @param linesPerSet 1 or more
 * @param agreement what all threads must give alike, beside what is of every table
 */
export function openClientTable(
  name: string,
  options: ClientTableOptions,
  linesPerSet: number,
  ...agreement: readonly number[]
): ClientTable {
  const prefixes = prefixesOf(options);
  const sets = setsFor(options.capacity ?? CAPACITY_DEFAULT, name);
  const { ipv4Prefix, ipv6Prefix } = prefixes;
  const agreed = [name, linesPerSet, sets, ipv4Prefix, ipv6Prefix, ...agreement];
  const { memory, words, key0, key1 } = openTable(sets * linesPerSet, agreed, options.memory);
  return { memory, words, sets, hash: new ClientHash(key0, key1, prefixes, sets) };
}

/** Bytes of memory that such a table takes. */
export function clientTableBytes(
  name: string,
  capacity: number | undefined,
  linesPerSet: number,
): number {
  return tableBytes(setsFor(capacity ?? CAPACITY_DEFAULT, name) * linesPerSet);
}
