/** Who waits for a connection of its own. */
export interface Leaser {
  /** There may be one now. */
  resume(): void;
}

/** A connection that waits for its next tenant. */
interface Idle {
  close(): void;
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
  /** Those of all logins that nobody uses, from the one that has been idle longest. */
  private readonly idle = new Set<Idle>();

  /** Somebody waits for a connection. */
  get isAwaited(): boolean {
    return this.waiting.size > 0;
  }

  /** There are so many left that a client may keep one that it does not use now. */
  get isAmple(): boolean {
    return this.count * 2 < this.max;
  }

  /** A connection is opened, if need be in place of one that is idle. @returns false if there may be no more */
  take(): boolean {
    while (this.count >= this.max) {
      const [idle] = this.idle;
      if (idle === undefined) return false;
      this.idle.delete(idle);
      idle.close();
    }
    this.count++;
    return true;
  }

  /** Nobody uses a connection any more. */
  rests(connection: Idle): void {
    this.idle.add(connection);
  }

  /** It has a tenant again, or is over. */
  restsNoMore(connection: Idle): void {
    this.idle.delete(connection);
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
