/** Who waits for a connection of its own. */
export interface Leaser {
  /** There may be one now. */
  resume(): void;
}

/**
 * Counts a listener's leased connections in one worker, those included that wait idle for their next tenant.
 *
 * Owner: a {@link Service}.
 */
export class Leases {
  /** How many there are. */
  count = 0;
  /** The most there may be. */
  max = 1;
  private readonly waiting = new Set<Leaser>();

  /** @param closeIdle closes a connection that waits idle, whoever had it. Returns false if there is none */
  constructor(private readonly closeIdle: () => boolean) {}

  /** Somebody waits for a connection. */
  get isAwaited(): boolean {
    return this.waiting.size > 0;
  }

  /** There are so many left that a client may keep one that it does not use now. */
  get isAmple(): boolean {
    return this.count * 2 < this.max;
  }

  /** A connection is opened. @returns false if there may be no more */
  take(): boolean {
    if (this.count >= this.max && !(this.closeIdle() && this.count < this.max)) return false;
    this.count++;
    return true;
  }

  /** A connection is closed: who has waited longest may open one. */
  give(): void {
    this.count--;
    const [first] = this.waiting;
    if (first === undefined) return;
    this.waiting.delete(first);
    first.resume();
  }

  add(leaser: Leaser): void {
    this.waiting.add(leaser);
  }

  delete(leaser: Leaser): void {
    this.waiting.delete(leaser);
  }
}
