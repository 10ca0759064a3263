import { assert } from "../../assert.ts";

/*
 * A table that several threads use, as it lies in its SharedArrayBuffer, in words of 32 bits:
 *
 *     header  key, key, agreement, workers, 12 unused
 *     lines   16 words each: 64 bytes, one cache line
 *
 * All zeros is an empty table, so memory needs no preparation. The first thread chooses the key.
 */

/** Words of a line, and of the header. */
export const LINE_WORDS = 16;

/** Clients of a set, which fills one line. */
export const WAYS = 7;

/** Clients that a table has room for by default. */
export const CAPACITY_DEFAULT = 65_536;
const CAPACITY_MAX = 2 ** 22;

/** Size and memory of a table. */
export interface TableOptions {
  /** Clients per worker, 7 to 2^22, rounded down to a multiple of 7; 65,536 by default. */
  readonly capacity?: number;
  /** `bytesFor` zeros, or the `memory` of another thread's table; allocated if missing. */
  readonly memory?: SharedArrayBuffer;
}

enum Header {
  Key0,
  Key1,
  Agreement,
  Workers,
}

/** A table's memory and the secret key that its clients are hashed with. */
export interface SharedTable {
  readonly memory: SharedArrayBuffer;
  /** All of it; line n begins at `LINE_WORDS * (n + 1)`. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly key0: number;
  readonly key1: number;
}

/**
 * Opens a table. Any number of threads may do so at once.
 *
 * @param options all threads must give the same; otherwise it is a defect
 * @param memory another thread's, or enough zeros
 */
export function openTable(
  lines: number,
  options: readonly (string | number)[],
  memory = new SharedArrayBuffer(tableBytes(lines)),
): SharedTable {
  assert(memory.byteLength >= tableBytes(lines), "openTable: the memory is long enough");
  const words = new Int32Array(memory);
  const agreement = Bun.hash.crc32(options.join(" ")) | 1;
  const agreed = Atomics.compareExchange(words, Header.Agreement, 0, agreement);
  assert(agreed === 0 || agreed === agreement, "openTable: all threads give the same options");
  const key0 = keyWord(words, Header.Key0);
  const key1 = keyWord(words, Header.Key1);
  return { memory, words, key0, key1 };
}

/** Notes that a worker may count from now on. @param worker 0, 1, 2… */
export function joins(words: Int32Array, worker: number): void {
  for (;;) {
    const before = workersIn(words);
    if (before > worker) return;
    Atomics.compareExchange(words, Header.Workers, before, worker + 1);
  }
}

/** The number of workers that may have counted: those with lower numbers than this. */
export function workersIn(words: Int32Array): number {
  return Atomics.load(words, Header.Workers);
}

/** Sets for this many clients. @param table the table's name, for the assertion */
export function setsFor(capacity: number, table: string): number {
  assert(capacity >= WAYS && capacity <= CAPACITY_MAX, `${table}: capacity is 7 to 2^22`);
  return Math.floor(capacity / WAYS);
}

/** Size in bytes of a table with this many lines. */
export function tableBytes(lines: number): number {
  return Int32Array.BYTES_PER_ELEMENT * LINE_WORDS * (lines + 1);
}

/** A random word. If several threads begin at once, all get that of the first one. */
function keyWord(words: Int32Array, at: number): number {
  const [made = 1] = crypto.getRandomValues(new Int32Array(1));
  Atomics.compareExchange(words, at, 0, made === 0 ? 1 : made);
  return Atomics.load(words, at);
}
