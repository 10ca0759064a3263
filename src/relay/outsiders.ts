import type { Reason } from "../base/reason.ts";
import type { Descriptors } from "../system/descriptors.ts";

/** A client that was not admitted, or not yet. */
export interface Outsider {
  /** Why it was refused; null if it was not, or not yet. */
  readonly refusedFor: Reason | null;
  /** It has sent bytes that ringway has not read yet and that may identify it. */
  readonly hasUnread: boolean;
  terminate(reason: Reason): void;
}

/** A queue of relays that wait. */
export interface Row<T> {
  add(relay: T): void;
  delete(relay: T): void;
  readonly size: number;
  /** The relay that has waited for longest. */
  readonly first: T | undefined;
}

/** At most this many outsiders are closed for each new client. */
const YIELD_COUNT = 4;

/**
 * All clients of an engine that were not admitted: refused ones in a tarpit, clients in a step
 * (whose PROXY header has not come, for example), and clients that wait for room. They hold
 * descriptors but must not keep out a client that would be admitted. So if descriptors get scarce,
 * the oldest are closed: first refused ones, then the others, except those that have sent something
 * that ringway has not read yet, as when many come at once. There is also a limit for the refused
 * clients of all listeners, and one for those in steps at each listener (`InSteps`).
 *
 * Owner: an engine. The listeners decide how long each client waits.
 */
export class Outsiders<T extends Outsider> {
  /** Both in order of arrival. */
  private readonly refused = new Set<T>();
  private readonly unheard = new Set<T>();
  /** They were closed, but their descriptors are not free yet. */
  private readonly going = new Set<T>();

  constructor(private readonly descriptors: Descriptors) {}

  /** Watches a listener's queue of refused clients. */
  refusedRow(row: Row<T>): Row<T> {
    return this.watched(row, this.refused, () => {
      if (this.refused.size > this.descriptors.refusedMax) this.letGo(this.refused);
    });
  }

  /** Watches a listener's queue of clients in one of its steps. */
  unheardRow(row: Row<T>): Row<T> {
    return this.watched(row, this.unheard);
  }

  /** A client waits for room, and is treated like those in a step. */
  waits(relay: T): void {
    this.unheard.add(relay);
  }

  /** A client no longer waits for room. */
  waitsNoMore(relay: T): void {
    this.unheard.delete(relay);
    this.going.delete(relay);
  }

  /** Closes the oldest outsiders if the next `count` clients might get no descriptor. */
  makeRoom(count = 1): void {
    for (let left = YIELD_COUNT * count; left > 0; left--) {
      if (this.descriptors.isAmpleBut(this.going.size)) return;
      if (!this.letGo(this.refused) && !this.letGo(this.unheard)) return;
    }
  }

  private watched(row: Row<T>, all: Set<T>, onAdded = () => {}): Row<T> {
    return {
      get size() {
        return row.size;
      },
      get first() {
        return row.first;
      },
      add: (relay) => {
        row.add(relay);
        all.add(relay);
        onAdded();
      },
      delete: (relay) => {
        row.delete(relay);
        all.delete(relay);
        this.going.delete(relay);
      },
    };
  }

  /** Closes the oldest one. @returns false if there was none that may be closed */
  private letGo(all: Set<T>): boolean {
    const [oldest] = all;
    if (oldest === undefined || (oldest.refusedFor === null && oldest.hasUnread)) return false;
    all.delete(oldest);
    this.going.add(oldest);
    oldest.terminate(oldest.refusedFor ?? "descriptor_limit");
    return true;
  }
}
