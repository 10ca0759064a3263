import { assert } from "../../assert.ts";

/*
 * A table that several threads use, as it lies in its SharedArrayBuffer, in words of 32 bits:
 *
 *     header  key, key, agreement, workers, 12 unused
 *     lines   16 words each: 64 bytes, which the processor fetches and passes on as one
 *
 * All zeros is an empty table, so memory needs nobody to prepare it, and whoever comes first makes
 * up the key.
 */

/** Words of a line, and of the header. */
export const LINE_WORDS = 16;

/** Clients of a set. With what else it holds, a set fills one line. */
export const WAYS = 7;

/** Clients that a table has room for unless something else is given. */
export const CAPACITY_DEFAULT = 65_536;
const CAPACITY_MAX = 2 ** 22;

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
 * Opens a table, from any number of threads at once.
 *
 * @param lines how many lines it has
 * @param options what all threads must agree on; a defect if they do not
 * @param memory of another thread's table, or all zeros and long enough; made when it is not given
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

/** A worker may count there from now on. @param worker 0, 1, 2… */
export function joins(words: Int32Array, worker: number): void {
  for (;;) {
    const before = workersIn(words);
    if (before > worker) return;
    Atomics.compareExchange(words, Header.Workers, before, worker + 1);
  }
}

/** Workers that may have counted there: those with lower numbers than this. */
export function workersIn(words: Int32Array): number {
  return Atomics.load(words, Header.Workers);
}

/** Sets for so many clients. @param table whose they are */
export function setsFor(capacity: number, table: string): number {
  assert(capacity >= WAYS && capacity <= CAPACITY_MAX, `${table}: capacity is 7 to 2^22`);
  return Math.floor(capacity / WAYS);
}

/** Bytes that a table of so many lines takes. */
export function tableBytes(lines: number): number {
  return Int32Array.BYTES_PER_ELEMENT * LINE_WORDS * (lines + 1);
}

/** Of several threads that begin at once, the first one's word is the one that all take. */
function keyWord(words: Int32Array, at: number): number {
  const [made = 1] = crypto.getRandomValues(new Int32Array(1));
  Atomics.compareExchange(words, at, 0, made === 0 ? 1 : made);
  return Atomics.load(words, at);
}
