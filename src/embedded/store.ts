/** Settings of a Store. */
export interface StoreOptions {
  /** The most that keys and values may occupy, in bytes, their bookkeeping included; at least 0. */
  readonly memoryBytesMax?: number;
  /** The clock for expiry, in ms since 1970. For tests. */
  readonly now?: () => number;
}

/** The default of {@link StoreOptions.memoryBytesMax}. */
const memoryBytesMaxDefault: number = 256 * 1024 * 1024;

/** What one key costs beside its own and its value's bytes: the entry in the map, the string and
 *  the array objects. Measured on Bun 1.4.5 as resident memory per key, with values of 3 and of 100
 *  bytes: 232 to 268. With values of 1500 bytes the process takes a quarter more than is
 *  counted. */
const entryBytes = 256;

/** Values below this size, in bytes, are copied out of the chunk they came in. */
const keepBytesMin = 16 * 1024;

/** The keyspace: binary-safe keys to immutable values, bounded in size.
 *
 *  A key is a string with one character per byte (latin1), since a Map compares strings by content.
 *  A stored value never changes, only a new one replaces it, so readers may keep it. Expired keys
 *  are removed when they are touched, and all of them when memory runs short.
 *
 *  Invariant: `memoryBytes` is the sum of `cost()` over all entries, and ≤ `memoryBytesMax`.
 *  Owner: one embedded upstream. */
export class Store {
  readonly memoryBytesMax: number;
  /** The store's clock, in ms since 1970. */
  readonly now: () => number;
  private readonly values = new Map<string, Uint8Array>();
  /** When keys expire, in ms since 1970; keys without an entry do not. */
  private readonly expiries = new Map<string, number>();
  /** No key expires before this time, so a full store need not be searched before it. */
  private expiryNextMs = Number.POSITIVE_INFINITY;
  private bytes = 0;

  constructor(options: StoreOptions = {}) {
    this.memoryBytesMax = options.memoryBytesMax ?? memoryBytesMaxDefault;
    this.now = options.now ?? Date.now;
  }

  /** The count of keys; expired ones count until they are removed, as in Redis. */
  get size(): number {
    return this.values.size;
  }

  /** The count of keys that have an expiry. */
  get expiringCount(): number {
    return this.expiries.size;
  }

  /** The bytes that keys and values occupy, with their bookkeeping. */
  get memoryBytes(): number {
    return this.bytes;
  }

  /** The value of `key`, or undefined. It belongs to the store and must not be changed. */
  get(key: string): Uint8Array | undefined {
    if (this.expiries.size > 0) this.expire(key);
    return this.values.get(key);
  }

  /** When `key` expires, in ms since 1970; undefined if it is missing or does not expire. */
  expiresAt(key: string): number | undefined {
    this.expire(key);
    return this.expiries.get(key);
  }

  /** How long `key` still lives, in ms; undefined if it is missing or does not expire. */
  remainingMs(key: string): number | undefined {
    const expiresAtMs = this.expiresAt(key);
    return expiresAtMs === undefined ? undefined : expiresAtMs - this.now();
  }

  /** Sets `key`. The value is copied unless it fills nearly all of its own memory, in which case
   *  the store takes it over. `expiresAtMs` is in ms since 1970; without it the key does not expire.
   *  @returns false, and changes nothing, if there is no room. */
  set(key: string, value: Uint8Array, expiresAtMs?: number): boolean {
    if (!this.fits(this.growth(key, value))) {
      this.removeExpired();
      if (!this.fits(this.growth(key, value))) return false;
    }
    this.replace(key, value);
    if (expiresAtMs !== undefined) {
      this.expiries.set(key, expiresAtMs);
      this.expiryNextMs = Math.min(this.expiryNextMs, expiresAtMs);
    } else if (this.expiries.size > 0) {
      this.expiries.delete(key);
    }
    return true;
  }

  /** Sets all of `entries`, none of which will expire.
   *  @returns false, and changes nothing, if there is no room for all of them. */
  setAll(entries: ReadonlyMap<string, Uint8Array>): boolean {
    if (!this.fits(this.growthOfAll(entries))) {
      this.removeExpired();
      if (!this.fits(this.growthOfAll(entries))) return false;
    }
    for (const [key, value] of entries) {
      this.replace(key, value);
      this.expiries.delete(key);
    }
    return true;
  }

  /** Removes `key`. @returns whether it was there. */
  delete(key: string): boolean {
    if (this.expiries.size > 0) this.expire(key);
    return this.remove(key);
  }

  /** Removes every key. */
  clear(): void {
    this.values.clear();
    this.expiries.clear();
    this.expiryNextMs = Number.POSITIVE_INFINITY;
    this.bytes = 0;
  }

  private replace(key: string, value: Uint8Array): void {
    this.bytes += this.growth(key, value);
    this.values.set(key, kept(value));
  }

  private remove(key: string): boolean {
    this.bytes -= this.costOf(key);
    if (this.expiries.size > 0) this.expiries.delete(key);
    return this.values.delete(key);
  }

  private costOf(key: string): number {
    const value = this.values.get(key);
    return value === undefined ? 0 : cost(key, value);
  }

  private growth(key: string, value: Uint8Array): number {
    return cost(key, value) - this.costOf(key);
  }

  private growthOfAll(entries: ReadonlyMap<string, Uint8Array>): number {
    let growth = 0;
    for (const [key, value] of entries) growth += this.growth(key, value);
    return growth;
  }

  private fits(growth: number): boolean {
    return this.bytes + growth <= this.memoryBytesMax;
  }

  /** Removes expired keys. Looks at all keys with an expiry, but only if one can have expired. */
  private removeExpired(): void {
    const now = this.now();
    if (now < this.expiryNextMs) return;
    this.expiryNextMs = Number.POSITIVE_INFINITY;
    for (const [key, expiresAtMs] of this.expiries) {
      if (expiresAtMs <= now) this.remove(key);
      else this.expiryNextMs = Math.min(this.expiryNextMs, expiresAtMs);
    }
  }

  private expire(key: string): void {
    const expiresAtMs = this.expiries.get(key);
    if (expiresAtMs !== undefined && expiresAtMs <= this.now()) this.remove(key);
  }
}

/** The bytes that an entry occupies. */
function cost(key: string, value: Uint8Array): number {
  return entryBytes + key.length + value.length;
}

/** The array to keep for `value`: itself when at most an eighth of its memory is something else, so
 *  that a small value never pins the large chunk it came in; otherwise a copy of its own size. */
function kept(value: Uint8Array): Uint8Array {
  const isLarge = value.length >= keepBytesMin;
  if (isLarge && value.buffer.byteLength - value.length <= value.length / 8) return value;
  const copy = isLarge ? Buffer.allocUnsafeSlow(value.length) : new Uint8Array(value.length);
  copy.set(value);
  return copy;
}
