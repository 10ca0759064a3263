import { endOf, entryOf, type ProxyEvent } from "../relay/events.ts";
import type { Observer } from "../relay/observer.ts";

/**
 * Passes on the events of one of several workers as if all were one: a bad state begins with the
 * first worker in it, and ends with the last one.
 */
export class SharedObserver implements Observer {
  readonly wantsStarts: boolean;
  /** The states that have begun, by the event that began them. */
  private readonly states = new Set<string>();

  /** @param all returns the observers of all workers */
  constructor(
    private readonly whole: Observer,
    private readonly all: () => readonly SharedObserver[],
  ) {
    this.wantsStarts = whole.wantsStarts;
  }

  on(event: ProxyEvent): void {
    const { ends } = entryOf(event);
    if (ends !== undefined) {
      if (!this.states.delete(ends) || this.isAnywhere(ends)) return;
    } else if (endOf(event.event) !== undefined) {
      const isNews = !this.isAnywhere(event.event);
      this.states.add(event.event);
      if (!isNews) return;
    }
    this.whole.on(event);
  }

  /** Ends all states of a worker that has failed. */
  relieve(): void {
    for (const begun of this.states) {
      this.on({ event: endOf(begun) } as ProxyEvent);
    }
  }

  private isAnywhere(begun: string): boolean {
    return this.all().some(({ states }) => states.has(begun));
  }
}
