import type { Reason } from "../base/reason.ts";
import type { Descriptors } from "../system/descriptors.ts";

/** A client that was not let in, or not yet. */
export interface Outsider {
  /** Why it may not come in; null while that is open. */
  readonly refusedFor: Reason | null;
  /** It has sent bytes that nobody has looked at yet, and that may say who it is. */
  readonly hasUnread: boolean;
  terminate(reason: Reason): void;
}

/** A queue of relays that wait. */
export interface Row<T> {
  add(relay: T): void;
  delete(relay: T): void;
  readonly size: number;
  /** Who waits for the longest time. */
  readonly first: T | undefined;
}

/** So many at most make room for each one who comes. */
const YIELD_COUNT = 4;

/**
 * All clients of an engine that were not let in: those that were refused and are left to wait, and
 * those that are in a step, such as those whose PROXY header has not come, or for whom there is no room yet. They hold descriptors, and none of them may keep out a client
 * that may come in. So when descriptors get scarce the refused ones go first, then the others, unless they
 * have spoken and nobody had the time to listen, as where many come at once; and the
 * refused ones of all listeners have a bound, as the others have at each (`InSteps`), at which the oldest
 * one goes.
 *
 * Owner: an engine. What of them waits for how long is the business of their listeners.
 */
export class Outsiders<T extends Outsider> {
  /** Both in the order of their coming. */
  private readonly refused = new Set<T>();
  private readonly unheard = new Set<T>();
  /** They were told to go, and their descriptors are not back yet. */
  private readonly going = new Set<T>();

  constructor(private readonly descriptors: Descriptors) {}

  /** A listener's queue of refused clients, watched. */
  refusedRow(row: Row<T>): Row<T> {
    return this.watched(row, this.refused, () => {
      if (this.refused.size > this.descriptors.refusedMax) this.letGo(this.refused);
    });
  }

  /** A listener's queue of clients that are in one of its steps, watched. */
  unheardRow(row: Row<T>): Row<T> {
    return this.watched(row, this.unheard);
  }

  /** A client waits until there is room for it: it goes with those that are in a step. */
  waits(relay: T): void {
    this.unheard.add(relay);
  }

  /** It does not any more. */
  waitsNoMore(relay: T): void {
    this.unheard.delete(relay);
    this.going.delete(relay);
  }

  /** So many have come: when the next one might find no room, the oldest ones go. */
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

  /** Ends the oldest one. @returns whether there was one that may go */
  private letGo(all: Set<T>): boolean {
    const [oldest] = all;
    if (oldest === undefined || (oldest.refusedFor === null && oldest.hasUnread)) return false;
    all.delete(oldest);
    this.going.add(oldest);
    oldest.terminate(oldest.refusedFor ?? "descriptor_limit");
    return true;
  }
}
