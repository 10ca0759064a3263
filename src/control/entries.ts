import { isName } from "../upstream/names/ask.ts";
import type { Entry } from "./entry.ts";

/** The upstreams of all listeners, those included that a reload under way wants, in the order in which they came. */
export class Entries {
  private readonly byKey = new Map<string, Entry>();
  private readonly bySlot = new Map<number, Entry>();

  get size(): number {
    return this.byKey.size;
  }

  values(): MapIterator<Entry> {
    return this.byKey.values();
  }

  /** @param key see {@link keyOf} */
  get(key: string): Entry | undefined {
    return this.byKey.get(key);
  }

  /** The one that has this row. */
  at(slot: number): Entry | undefined {
    return this.bySlot.get(slot);
  }

  /** All of a listener that hold. */
  heldBy(home: string): Entry[] {
    return [...this.byKey.values()].filter((one) => one.home === home && one.isHeld);
  }

  /** All of each listener, by its home. */
  byHome(): Map<string, Entry[]> {
    return Map.groupBy(this.byKey.values(), ({ home }) => home);
  }

  /** Those that a name leads to. */
  named(name: string): Entry[] {
    return [...this.byKey.values()].filter(
      ({ options: { address } }) => isName(address) && address.host === name,
    );
  }

  add(entry: Entry): void {
    this.byKey.set(entry.key, entry);
    this.bySlot.set(entry.options.slot, entry);
  }

  remove({ key, options }: Entry): void {
    this.byKey.delete(key);
    this.bySlot.delete(options.slot);
  }
}
