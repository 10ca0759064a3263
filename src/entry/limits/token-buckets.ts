import { assert } from "../../assert.ts";
import type { ClientAddress } from "../access/client-address.ts";
import { ClientHash, type ClientPrefixes, prefixesOf } from "./client-hash.ts";
import {
  CAPACITY_DEFAULT,
  LINE_WORDS,
  openTable,
  setsFor,
  tableBytes,
  WAYS,
} from "./shared-memory.ts";

/** How fast clients may connect. All threads that share memory give the same. */
export interface TokenBucketsOptions extends ClientPrefixes {
  /** Connections per second and client in the long run: more than 0 (0.1: one in 10 s) to 2^20. */
  readonly rate: number;
  /**
   * Connections that a client may open at once after a rest: 1 to 2^20. At rates above 1,000 at
   * least what comes in a millisecond, the step of the clock, or the rate cannot be reached.
   */
  readonly burst: number;
  /** Clients that are told apart, 7 to 2^22, rounded down to a multiple of 7; 65,536 by default. */
  readonly capacity?: number;
  /**
   * {@link TokenBuckets.bytesFor} zeros, or the `memory` of another thread's buckets; made when it
   * is not given.
   */
  readonly memory?: SharedArrayBuffer;
}

/** Words of a set. */
enum Word {
  /** Seven: which client a bucket belongs to. */
  Fingerprint = 0,
  /** Seven: when a bucket will be full again, in ticks. */
  FullAt = 7,
  /** When the set was last looked at, in eras. The last word of the line is not used. */
  Era = 14,
}

/** Highest rate and burst: so that a second, or a whole bucket, is at most this many ticks. */
const TICKS_MAX = 2 ** 20;
/** So finely is a token's time divided where the above allows it. */
const TICKS_PER_TOKEN_MAX = 1_024;
/** Ticks of an era: more than a bucket takes to fill, far less than the 2^31 between two times. */
const ERA_TICKS = 2 ** 24;

/**
 * How often each client may connect: a bucket of tokens for every client's network, in a table of a
 * fixed size that several threads use at once, without locks.
 *
 * A bucket is one number (GCRA): the time at which it will be full again. It lies in the past for a
 * full one; each connection moves it on by the time of one token, and none may move it further than
 * `burst` tokens from now. A compare-and-exchange does that, so two threads never give the same
 * token away.
 *
 * **When there is no room.** A client's hash chooses a set of seven. One that is not known there
 * takes over the bucket that would be full first, *as it is*: what was spent stays spent. A full
 * bucket gives its new owner all it would have had; only when all seven are in use does somebody
 * inherit a debt.
 *
 * **What an attacker can do at most**, whatever the number of addresses:
 * - memory does not grow;
 * - nobody comes in faster than the rate. Whoever is pushed out and comes back takes over a bucket
 *   that is at most as full as the one they left, so a client that has spent its tokens cannot get
 *   rid of its bucket by means of others;
 * - strangers can be kept out, but only by connections that did come in: seven buckets kept empty
 *   take 7 × `rate` of them per second, all buckets `capacity` × `rate`. Which addresses share a
 *   set is a secret (a random key), so one stranger cannot be chosen. Known clients keep their
 *   buckets as long as others in their set are fuller, and who is refused pushes nobody out.
 *
 * **Between threads** two moments are not exact: a thread may charge a bucket while another one
 * takes it over; and two threads may both take a new client in. Each costs or gains somebody a token
 * or so, once.
 * Nothing belongs to a thread: one that dies leaves nothing to be taken back.
 *
 * **The clock** must be the same in all threads, which in Bun is `Date.now()`: performance.now()
 * counts from each thread's own beginning. When it is set forward, buckets fill. When it is set
 * back by more than a second, a bucket with a debt that no bucket can have is full again, so that
 * nobody is kept out for as long as it was set back.
 */
export class TokenBuckets {
  /** To be given to the other threads. */
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly hash: ClientHash;
  private readonly ticksPerMs: number;
  /** Ticks of one token, of a whole bucket, and of the highest debt: a bucket and a second. */
  private readonly tokenTicks: number;
  private readonly bucketTicks: number;
  private readonly debtTicksMax: number;
  /** What a set's buckets were when an era began. */
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

  /** Bytes of memory for so many clients. */
  static bytesFor(capacity = CAPACITY_DEFAULT): number {
    return tableBytes(setsFor(capacity, "TokenBuckets"));
  }

  /**
   * A client connects: takes a token if there is one. Behind a unix socket it always may.
   *
   * @param nowMs `Date.now()`, see above
   * @returns whether it may come in
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
   * Times are 32 bits wide, and what is older than 2^31 ticks would look as if it were to come. So
   * once in an era the buckets of a set that are full are told to be full from now on; all of them
   * are when nobody has looked at the set for longer than a bucket takes to fill.
   */
  private enterEra(base: number, era: number, now: number): void {
    const { words } = this;
    const before = Atomics.load(words, base + Word.Era);
    if (era === before) return;
    // Read before the set is ours: what others charge from then on is no news of the era before.
    const { fullAts } = this;
    for (let way = 0; way < WAYS; way++) {
      fullAts[way] = Atomics.load(words, base + Word.FullAt + way);
    }
    // Only one of several threads may do it, or the others might undo what was charged since.
    if (Atomics.compareExchange(words, base + Word.Era, before, era) !== before) return;
    const allAreFull = Math.abs(era - before) > 1;
    for (let way = 0; way < WAYS; way++) {
      const fullAt = fullAts[way] as number;
      if (allAreFull || this.debt(fullAt, now) < 0) {
        Atomics.compareExchange(words, base + Word.FullAt + way, fullAt, now);
      }
    }
  }

  /** The client's way in its set, or -1. */
  private find(base: number, fingerprint: number): number {
    const { words } = this;
    for (let way = 0; way < WAYS; way++) {
      if (Atomics.load(words, base + Word.Fingerprint + way) === fingerprint) return way;
    }
    return -1;
  }

  /** For a client that is not in the set. */
  private takeOver(base: number, now: number): boolean {
    const { words } = this;
    const { fingerprint } = this.hash;
    for (;;) {
      const way = this.fullest(base, now);
      // Who is refused pushes nobody out.
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

  /** Ticks until a bucket is full; below 0 it is the longer ago. */
  private debt(fullAt: number, now: number): number {
    const debt = (fullAt - now) | 0;
    // More than a bucket holds: the clock was set back. A little more: other threads are ahead.
    return debt > this.debtTicksMax ? 0 : debt;
  }

  private mayCharge(debt: number): boolean {
    return debt + this.tokenTicks <= this.bucketTicks;
  }
}

/** A power of two, so that a token's time is a whole number of ticks and the rate exact. */
function ticksPerToken(rate: number, burst: number): number {
  let ticks = TICKS_PER_TOKEN_MAX;
  while (ticks > 1 && ticks * Math.max(rate, burst) > TICKS_MAX) ticks /= 2;
  return ticks;
}
