import { assert } from "../assert.ts";
import type { RelaySummary } from "../relay/ledger/stats.ts";

/**
 * The last relays that ended, at most `limit` of them: bounded, however many there were.
 *
 * A circle of slots: `added % limit` is where the next one goes, over the oldest.
 */
export class History {
  private readonly slots: RelaySummary[] = [];
  private added = 0;

  /** @param limit most relays that are kept, at least 1 */
  constructor(readonly limit: number) {
    assert(limit >= 1, "history: keeps at least one relay");
  }

  /** Keeps an ended relay, in the place of the oldest if there are `limit` already. */
  add(relay: RelaySummary): void {
    this.slots[this.added % this.limit] = relay;
    this.added++;
  }

  /** The relays that are kept, in the order in which they ended. */
  list(): RelaySummary[] {
    const oldest = this.added > this.limit ? this.added % this.limit : 0;
    return [...this.slots.slice(oldest), ...this.slots.slice(0, oldest)];
  }
}
