import { ConfigError } from "../base/error.ts";
import { formatCount } from "../base/quantity.ts";
import { SLOTS_MAX, type UpstreamTable } from "../upstream/table.ts";

/**
 * Who has which row of the table that all workers share.
 *
 * Rows are given out in turn: workers hear of a reload a little later, and relays that wait for an
 * upstream go on with the options that they began with. For both a row of an upstream that is gone
 * has to stay closed, and not to be another one's.
 */
export class Rows {
  private readonly taken = new Set<number>();
  /** Rows of what is gone, as long as relays are left there. */
  private readonly leaving = new Set<number>();
  /** Rows of what is no upstream, by its name. */
  private readonly named = new Map<string, number>();
  /** Where the next free row is looked for. */
  private next = 0;

  constructor(private readonly table: UpstreamTable) {}

  /** @throws ConfigError when there are more upstreams than rows */
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
    throw new ConfigError(`there can be ${most} upstreams in all, those included that are leaving`);
  }

  /** It is free as soon as no relay is left there. */
  giveBack(slot: number): void {
    this.taken.delete(slot);
    this.leaving.add(slot);
  }

  /** A row for something else that all workers count: the same one for the same name. */
  rowOf(name: string): number {
    let slot = this.named.get(name);
    if (slot === undefined) {
      slot = this.take();
      this.table.reset(slot, 1);
      this.named.set(name, slot);
    }
    return slot;
  }

  /** All rows of names are given back but those of these. */
  keepRows(names: ReadonlySet<string>): void {
    for (const [name, slot] of this.named) {
      if (names.has(name)) continue;
      this.named.delete(name);
      this.giveBack(slot);
    }
  }
}
