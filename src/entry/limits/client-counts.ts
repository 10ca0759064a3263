import { assert } from "../../assert.ts";
import type { ClientAddress } from "../access/client-address.ts";
import type { ClientHash } from "./client-hash.ts";
import { type ClientTableOptions, clientTableBytes, openClientTable } from "./client-table.ts";
import { joins, LINE_WORDS, WAYS, workersIn } from "./shared-memory.ts";

const NAME = "ClientCounts";

/** How many relays a client may have. Threads that share memory differ in `worker` and `max`. */
export interface ClientCountsOptions extends ClientTableOptions {
  /** The most relays of one client at a time, in all workers together: 1 or more. */
  readonly max: number;
  /**
   * How many workers there may be, 1 by default, and which of them this is, from 0. Only the tables up
   * to that of the last worker that has started are read.
   */
  readonly workers?: number;
  readonly worker?: number;
}

/** Words of a set. */
enum Word {
  /** Seven: the client of each entry whose count is not 0. */
  Fingerprint = 0,
  /** Seven: the client's relays in this worker. */
  Count = 7,
  /** Entries that belong to this set but found no room in it. The line's last word is unused. */
  Strayed = 14,
}

/** Sets that may hold a client: its own and those behind it. */
const SETS_TRIED = 32;

/**
 * Counts the relays of each client, in all workers together, in a lock-free table of a fixed size.
 *
 *     set 0:  worker 0's line | worker 1's line | …
 *     set 1:  …                       each line: 7 × (fingerprint, count), strayed
 *
 * Every worker writes only its own table; a client's count is the sum over all tables. To admit a
 * client, a worker counts it, then sums up, and takes it out again if the sum is too high. All
 * threads see memory change in the same order, so if two workers admit the same client at once, at
 * least the later one sees both: **there are never more than `max`**. At worst both see each other
 * and both refuse, though one would have fitted.
 *
 * **If a worker dies**, {@link takeBack} clears its table.
 *
 * **If there is no room.** A client's hash selects a set of seven entries. If that set is full, the
 * sets behind it are tried, 32 in all. A client that finds no room is refused, because it could not
 * be counted. In measurements this begins when the table is more than three quarters full, so a
 * table for 1.5 times as many clients as a worker has relays never refuses. A random key decides
 * which addresses share a set, so an attacker can only keep others out with nearly as many
 * addresses as the table holds, each with a relay.
 *
 * Counts are exact, except that two clients count as one if their 32-bit fingerprints are equal and
 * their sets are near each other. Among 50,000 clients this happens to any two once in some ten
 * thousand starts.
 */
export class ClientCounts {
  /** To be given to the other threads. */
  readonly memory: SharedArrayBuffer;
  /** The most relays of one client at a time; a change applies to new relays of this worker. */
  max: number;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly hash: ClientHash;
  private readonly sets: number;
  private readonly tried: number;
  private readonly workers: number;
  private readonly worker: number;

  constructor(options: ClientCountsOptions) {
    const { max, workers = 1, worker = 0 } = options;
    assert(max >= 1, "ClientCounts: max is 1 or more");
    assert(worker >= 0 && worker < workers, "ClientCounts: worker is one of the workers");
    const { memory, words, hash, sets } = openClientTable(NAME, options, workers);
    this.memory = memory;
    this.words = words;
    this.hash = hash;
    this.sets = sets;
    this.tried = Math.min(SETS_TRIED, sets);
    this.workers = workers;
    this.worker = worker;
    this.max = max;
    joins(this.words, worker);
  }

  /** Bytes of memory for this many clients and workers. */
  static bytesFor(capacity?: number, workers = 1): number {
    return clientTableBytes(NAME, capacity, workers);
  }

  /**
   * Counts a new relay of a client, unless it has too many. Clients of unix sockets are never
   * refused nor counted.
   *
   * @returns whether it may begin; then this worker must call {@link leave} once when it ends
   */
  tryEnter(address: ClientAddress): boolean {
    const { words, worker } = this;
    if (!this.hash.read(address)) return true;
    let at = this.find(worker);
    if (at === -1) {
      at = this.claim();
      if (at === -1) return false;
    } else {
      // Only this worker writes the count, so it cannot have changed since it was read.
      const count = Atomics.load(words, at);
      if (count >= this.max) return false;
      Atomics.store(words, at, count + 1);
    }
    // One that begins now sees what is counted here, so it need not be seen.
    if (workersIn(words) === 1 || this.sum() <= this.max) return true;
    this.release(at);
    return false;
  }

  /** A relay of this worker ends. */
  leave(address: ClientAddress): void {
    if (!this.hash.read(address)) return;
    const at = this.find(this.worker);
    assert(at !== -1, "ClientCounts.leave: the client came in here");
    this.release(at);
  }

  /** A client's relays in all workers; 0 for clients that are not counted. */
  countOf(address: ClientAddress): number {
    return this.hash.read(address) ? this.sum() : 0;
  }

  /** Forgets the relays of a dead worker, before another one takes its number. From any thread. */
  takeBack(worker: number): void {
    assert(worker >= 0 && worker < this.workers, "ClientCounts.takeBack: one of the workers");
    for (let set = 0; set < this.sets; set++) {
      const line = this.lineOf(set, worker);
      for (let word = 0; word < LINE_WORDS; word++) Atomics.store(this.words, line + word, 0);
    }
  }

  private sum(): number {
    let sum = 0;
    const workers = workersIn(this.words);
    for (let worker = 0; worker < workers; worker++) {
      const at = this.find(worker);
      if (at !== -1) sum += Atomics.load(this.words, at);
    }
    return sum;
  }

  /** Index in a worker's table of the count of the client that `hash` has read, or -1. */
  private find(worker: number): number {
    const { set } = this.hash;
    const home = this.lineOf(set, worker);
    const at = this.findInLine(home);
    if (at !== -1 || Atomics.load(this.words, home + Word.Strayed) === 0) return at;
    for (let step = 1; step < this.tried; step++) {
      const strayed = this.findInLine(this.lineOf(this.behind(set, step), worker));
      if (strayed !== -1) return strayed;
    }
    return -1;
  }

  private findInLine(line: number): number {
    const { words } = this;
    const { fingerprint } = this.hash;
    for (let way = 0; way < WAYS; way++) {
      if (
        Atomics.load(words, line + Word.Fingerprint + way) === fingerprint &&
        Atomics.load(words, line + Word.Count + way) > 0
      ) {
        return line + Word.Count + way;
      }
    }
    return -1;
  }

  /** Counts 1 for a client that is not in the table yet. @returns its index; -1 without room */
  private claim(): number {
    const { words } = this;
    const { set, fingerprint } = this.hash;
    for (let step = 0; step < this.tried; step++) {
      const line = this.lineOf(this.behind(set, step), this.worker);
      for (let way = 0; way < WAYS; way++) {
        const at = line + Word.Count + way;
        if (Atomics.load(words, at) !== 0) continue;
        // The count is written last: a thread that sees it also sees all that leads to it.
        if (step > 0) this.addStrayed(1);
        Atomics.store(words, line + Word.Fingerprint + way, fingerprint);
        Atomics.store(words, at, 1);
        return at;
      }
    }
    return -1;
  }

  /** Counts one less at an index from {@link find} or {@link claim}. */
  private release(at: number): void {
    const { words } = this;
    const count = Atomics.load(words, at) - 1;
    Atomics.store(words, at, count);
    const home = this.lineOf(this.hash.set, this.worker);
    const isStrayed = at < home || at >= home + LINE_WORDS;
    if (count === 0 && isStrayed) this.addStrayed(-1);
  }

  private addStrayed(difference: 1 | -1): void {
    const at = this.lineOf(this.hash.set, this.worker) + Word.Strayed;
    Atomics.store(this.words, at, Atomics.load(this.words, at) + difference);
  }

  private behind(set: number, step: number): number {
    const other = set + step;
    return other < this.sets ? other : other - this.sets;
  }

  private lineOf(set: number, worker: number): number {
    return LINE_WORDS * (1 + set * this.workers + worker);
  }
}
