import { isName } from "../upstream/names/ask.ts";
import type { Entry } from "./entry.ts";

/** The upstreams of all listeners, including those of a reload in progress, in order of arrival. */
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

  /** The upstream with this row. */
  at(slot: number): Entry | undefined {
    return this.bySlot.get(slot);
  }

  /** The upstreams of a listener, except those that only a reload in progress wants. */
  heldBy(home: string): Entry[] {
    return [...this.byKey.values()].filter((one) => one.home === home && one.isHeld);
  }

  /** All upstreams, by the homes of their listeners. */
  byHome(): Map<string, Entry[]> {
    return Map.groupBy(this.byKey.values(), ({ home }) => home);
  }

  /** The upstreams with this host name. */
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
