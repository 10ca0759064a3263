import { assert } from "../assert.ts";
import type { RelaySummary } from "../relay/ledger/stats.ts";

/** The last `limit` relays that ended: a ring in which the next one replaces the oldest. */
export class History {
  private readonly slots: RelaySummary[] = [];
  private added = 0;

  /** @param limit most relays to keep, at least 1 */
  constructor(readonly limit: number) {
    assert(limit >= 1, "history: keeps at least one relay");
  }

  add(relay: RelaySummary): void {
    this.slots[this.added % this.limit] = relay;
    this.added++;
  }

  /** The relays, in the order in which they ended. */
  list(): RelaySummary[] {
    const oldest = this.added > this.limit ? this.added % this.limit : 0;
    return [...this.slots.slice(oldest), ...this.slots.slice(0, oldest)];
  }
}
