import { endOf, entryOf, type ProxyEvent } from "../relay/events.ts";
import type { Observer } from "../relay/observer.ts";

/**
 * What one of several workers tells, passed on as if they were one: a state that is bad for the first
 * of them begins, and for the last of them ends.
 */
export class SharedObserver implements Observer {
  readonly wantsStarts: boolean;
  /** Those that have begun, by what began them. */
  private readonly states = new Set<string>();

  /** @param all the observers of all workers */
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

  /** The worker is no more, and with it what was bad for it. */
  relieve(): void {
    for (const begun of this.states) {
      this.on({ event: endOf(begun) } as ProxyEvent);
    }
  }

  private isAnywhere(begun: string): boolean {
    return this.all().some(({ states }) => states.has(begun));
  }
}
