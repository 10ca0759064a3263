import { ConfigError } from "../base/error.ts";
import { formatCount } from "../base/quantity.ts";
import { SLOTS_MAX, type UpstreamTable } from "../upstream/table.ts";

/**
 * Allocates the rows of the table that all workers share.
 *
 * Rows are allocated in turn, so that a free one is reused late: workers hear about a reload a
 * little later, and relays that wait for an upstream keep their options. Both need the row of a
 * removed upstream to stay closed, and not to belong to another one.
 */
export class Rows {
  private readonly taken = new Set<number>();
  /** Rows of removed upstreams that may still have relays. */
  private readonly leaving = new Set<number>();
  /** Rows that belong to no upstream, by name. */
  private readonly named = new Map<string, number>();
  /** Where the search for a free row begins. */
  private next = 0;

  constructor(private readonly table: UpstreamTable) {}

  /** @throws ConfigError if there are more upstreams than rows */
  take(): number {
    for (let looks = 0; looks < SLOTS_MAX; looks++) {
      const slot = this.next;
      this.next = (slot + 1) % SLOTS_MAX;
      if (this.taken.has(slot)) continue;
      if (this.leaving.has(slot) && this.table.running(slot) > 0) continue;
      this.leaving.delete(slot);
      this.taken.add(slot);
      return slot;
    }
    const most = formatCount(SLOTS_MAX);
    throw new ConfigError(`more than ${most} upstreams, including removed ones that have relays`);
  }

  /** Frees a row, as soon as it has no relay left. */
  giveBack(slot: number): void {
    this.taken.delete(slot);
    this.leaving.add(slot);
  }

  /** The row for something else that all workers count: the same row for the same name. */
  rowOf(name: string): number {
    let slot = this.named.get(name);
    if (slot === undefined) {
      slot = this.take();
      this.table.reset(slot, 1);
      this.named.set(name, slot);
    }
    return slot;
  }

  /** Frees all named rows except these. */
  keepRows(names: ReadonlySet<string>): void {
    for (const [name, slot] of this.named) {
      if (names.has(name)) continue;
      this.named.delete(name);
      this.giveBack(slot);
    }
  }
}
