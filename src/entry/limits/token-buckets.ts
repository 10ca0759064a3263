import { assert } from "../../assert.ts";
import type { ClientAddress } from "../access/client-address.ts";
import { ClientHash, type ClientPrefixes, prefixesOf } from "./client-hash.ts";
import {
  CAPACITY_DEFAULT,
  LINE_WORDS,
  openTable,
  setsFor,
  type TableOptions,
  tableBytes,
  WAYS,
} from "./shared-memory.ts";

/** How fast each client may connect. All threads that share memory give the same options. */
export interface TokenBucketsOptions extends ClientPrefixes, TableOptions {
  /** Connections per second and client in the long run: above 0 (0.1 is one in 10 s), to 2^20. */
  readonly rate: number;
  /**
   * Connections that a client may open at once after a rest: 1 to 2^20. Above 1,000 connections per
   * second it must cover at least a millisecond, the resolution of the clock, or the rate is not
   * reached.
   */
  readonly burst: number;
}

/** Words of a set. */
enum Word {
  /** Seven: the client of each bucket. */
  Fingerprint = 0,
  /** Seven: when each bucket will be full again, in ticks. */
  FullAt = 7,
  /** The era in which the set was last used. The last word of the line is unused. */
  Era = 14,
}

/** Highest rate and burst, so that neither a second nor a whole bucket has more ticks than this. */
const TICKS_MAX = 2 ** 20;
/** The most ticks into which a token's time is divided, if {@link TICKS_MAX} allows it. */
const TICKS_PER_TOKEN_MAX = 1_024;
/** Ticks of an era: more than a bucket takes to fill, far less than the range of 2^31. */
const ERA_TICKS = 2 ** 24;

/**
 * Limits how often each client may connect: a token bucket per client, in a lock-free table of a
 * fixed size that all threads share.
 *
 * A bucket is one number (GCRA): the time at which it will be full again, which is in the past if
 * it is full. Each connection moves it forward by the time of one token, but never further than
 * `burst` tokens from now. That is a compare-and-exchange, so two threads never spend the same
 * token.
 *
 * **If there is no room.** A client's hash selects a set of seven buckets. A new client takes over
 * the bucket that will be full first, *as it is*: spent tokens stay spent. A full bucket gives its
 * new owner all that it would have had. Only if all seven are in use does a client inherit a debt.
 *
 * **The most an attacker can do**, with any number of addresses:
 * - Memory does not grow.
 * - No client exceeds the rate. A client that was pushed out and comes back takes over a bucket
 *   that is at most as full as the one it left, so a client cannot use others to get rid of an
 *   empty bucket.
 * - New clients can be kept out, but only by connections that were admitted: keeping seven buckets
 *   empty takes 7 × `rate` per second, all buckets `capacity` × `rate`. A random key decides which
 *   addresses share a set, so an attacker cannot choose a victim. Known clients keep their buckets
 *   while others in their set are fuller, and a refused client pushes no one out.
 *
 * **Between threads** two moments are inexact: one thread may charge a bucket while another takes
 * it over, and two threads may both admit a new client. Each costs or gains a client about one
 * token, once. A thread that dies leaves nothing to take back.
 *
 * **The clock** must be the same in all threads. In Bun that is `Date.now()`, as performance.now()
 * begins with each thread. If the clock is set forward, buckets fill. If it is set back by more
 * than a second, buckets with an impossible debt count as full, so that clients are not kept out
 * for as long as the clock was set back.
 */
export class TokenBuckets {
  /** To be given to the other threads. */
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly hash: ClientHash;
  private readonly ticksPerMs: number;
  /** Ticks of one token, of a whole bucket, and of the highest debt (a bucket and a second). */
  private readonly tokenTicks: number;
  private readonly bucketTicks: number;
  private readonly debtTicksMax: number;
  /** A set's buckets when an era began. */
  private readonly fullAts = new Int32Array(WAYS);

  constructor(options: TokenBucketsOptions) {
    const { rate, burst, capacity = CAPACITY_DEFAULT, memory } = options;
    assert(rate > 0 && rate <= TICKS_MAX, "TokenBuckets: rate is more than 0, at most 2^20");
    assert(
      Number.isInteger(burst) && burst >= 1 && burst <= TICKS_MAX,
      "TokenBuckets: burst is 1 to 2^20",
    );
    const prefixes = prefixesOf(options);
    const sets = setsFor(capacity, "TokenBuckets");
    const agreement = ["buckets", rate, burst, sets, prefixes.ipv4Prefix, prefixes.ipv6Prefix];
    const table = openTable(sets, agreement, memory);
    this.memory = table.memory;
    this.words = table.words;
    this.hash = new ClientHash(table.key0, table.key1, prefixes, sets);
    this.tokenTicks = ticksPerToken(rate, burst);
    this.ticksPerMs = (rate * this.tokenTicks) / 1_000;
    this.bucketTicks = burst * this.tokenTicks;
    this.debtTicksMax = this.bucketTicks + Math.ceil(this.ticksPerMs * 1_000);
  }

  /** Bytes of memory for this many clients. */
  static bytesFor(capacity = CAPACITY_DEFAULT): number {
    return tableBytes(setsFor(capacity, "TokenBuckets"));
  }

  /**
   * A client connects: takes a token if there is one. Clients of unix sockets need none.
   *
   * @param nowMs `Date.now()`
   * @returns whether the client is within its rate
   */
  take(address: ClientAddress, nowMs: number): boolean {
    const { hash } = this;
    if (!hash.read(address)) return true;
    const ticks = Math.floor(nowMs * this.ticksPerMs);
    const now = ticks | 0;
    const base = LINE_WORDS * (hash.set + 1);
    this.enterEra(base, Math.floor(ticks / ERA_TICKS), now);
    const known = this.find(base, hash.fingerprint);
    return known === -1 ? this.takeOver(base, now) : this.charge(base + known, now);
  }

  /**
   * Times have 32 bits, so a time more than 2^31 ticks ago would look like the future. Once per
   * era, therefore, the full buckets of a set are marked as full as of now: all of them if the set
   * was unused for longer than a bucket takes to fill.
   */
  private enterEra(base: number, era: number, now: number): void {
    const { words } = this;
    const before = Atomics.load(words, base + Word.Era);
    if (era === before) return;
    // Read before the set is claimed, as charges after that belong to the new era.
    const { fullAts } = this;
    for (let way = 0; way < WAYS; way++) {
      fullAts[way] = Atomics.load(words, base + Word.FullAt + way);
    }
    // Only one thread may do it, or the others might undo later charges.
    if (Atomics.compareExchange(words, base + Word.Era, before, era) !== before) return;
    const allAreFull = Math.abs(era - before) > 1;
    for (let way = 0; way < WAYS; way++) {
      const fullAt = fullAts[way] as number;
      if (allAreFull || this.debt(fullAt, now) < 0) {
        Atomics.compareExchange(words, base + Word.FullAt + way, fullAt, now);
      }
    }
  }

  /** Index of the client's bucket in its set, or -1. */
  private find(base: number, fingerprint: number): number {
    const { words } = this;
    for (let way = 0; way < WAYS; way++) {
      if (Atomics.load(words, base + Word.Fingerprint + way) === fingerprint) return way;
    }
    return -1;
  }

  /** Charges a client that is not in the set yet. */
  private takeOver(base: number, now: number): boolean {
    const { words } = this;
    const { fingerprint } = this.hash;
    for (;;) {
      const way = this.fullest(base, now);
      // A refused client pushes no one out.
      const fullAt = Atomics.load(words, base + Word.FullAt + way);
      if (!this.mayCharge(this.debt(fullAt, now))) return false;
      const before = Atomics.load(words, base + Word.Fingerprint + way);
      const seen = Atomics.compareExchange(
        words,
        base + Word.Fingerprint + way,
        before,
        fingerprint,
      );
      // Another thread may have been faster, perhaps for the same client.
      const known = this.find(base, fingerprint);
      if (known !== -1) return this.charge(base + known, now);
      if (seen === before) return this.charge(base + way, now);
    }
  }

  private fullest(base: number, now: number): number {
    const { words } = this;
    let fullest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let way = 0; way < WAYS; way++) {
      const debt = this.debt(Atomics.load(words, base + Word.FullAt + way), now);
      if (debt < least) {
        least = debt;
        fullest = way;
      }
    }
    return fullest;
  }

  private charge(at: number, now: number): boolean {
    const { words } = this;
    for (;;) {
      const fullAt = Atomics.load(words, at + Word.FullAt);
      const debt = Math.max(0, this.debt(fullAt, now));
      if (!this.mayCharge(debt)) return false;
      const next = (now + debt + this.tokenTicks) | 0;
      if (Atomics.compareExchange(words, at + Word.FullAt, fullAt, next) === fullAt) return true;
    }
  }

  /** Ticks until a bucket is full; negative if it has been full for that long. */
  private debt(fullAt: number, now: number): number {
    const debt = (fullAt - now) | 0;
    // A higher debt means that the clock was set back. The second is for threads whose clock is
    // ahead.
    return debt > this.debtTicksMax ? 0 : debt;
  }

  private mayCharge(debt: number): boolean {
    return debt + this.tokenTicks <= this.bucketTicks;
  }
}

/** A power of two, so that a token's time is a whole number of ticks and the rate is exact. */
function ticksPerToken(rate: number, burst: number): number {
  let ticks = TICKS_PER_TOKEN_MAX;
  while (ticks > 1 && ticks * Math.max(rate, burst) > TICKS_MAX) ticks /= 2;
  return ticks;
}
