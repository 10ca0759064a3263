import { formatAddress } from "../base/address.ts";
import type { Observer } from "../relay/observer.ts";
import type { Checker, HealthView } from "../upstream/health/checker.ts";
import type { Entries } from "./entries.ts";
import type { Entry } from "./entry.ts";

/** A server that says that it is the primary. */
interface Primary {
  /** Its address, because one server may have several names; its name if no address is known. */
  readonly place: string;
  /** Its configured address, with the literal one if its name has several. */
  readonly name: string;
}

/** Whether checks require an upstream to be the primary, of which there should be one at a time. */
export function asksForPrimary({ health }: Pick<Entry, "health">): boolean {
  return health.check?.role === "primary";
}

/** The servers behind an upstream that say they are the primary. */
export function primariesOf(entry: Entry, view: HealthView | undefined): Primary[] {
  const { address } = entry.options;
  if (view === undefined || !asksForPrimary(entry)) return [];
  const name = formatAddress(address);
  if (address.kind === "unix" || view.addresses.length === 0) {
    return view.hasPassed ? [{ place: name, name }] : [];
  }
  const isOne = view.addresses.length === 1;
  return view.addresses
    .filter(({ health }) => health === "up")
    .map((one) => ({
      place: formatAddress({ ...address, host: one.address }),
      name: isOne ? name : `${name} (${one.address})`,
    }));
}

/**
 * Reports when several servers of a listener say that they are the primary (split brain): both take
 * writes, and one of them will lose what it took.
 */
export class Primaries {
  /** The places last reported for each listener that had several. */
  private readonly told = new Map<string, string>();

  constructor(
    private readonly entries: Entries,
    private readonly checker: Pick<Checker, "view">,
    private readonly observer: Observer,
  ) {}

  /** Looks how many a listener has now. @param home the listener's home */
  look(home: string): void {
    this.count(home, this.entries.heldBy(home));
  }

  /** Looks at all listeners with new upstreams, and at those that had several primaries. */
  lookAgain(newcomers: readonly Entry[]): void {
    const asked = newcomers.filter(asksForPrimary).map(({ home }) => home);
    const homes = new Set([...this.told.keys(), ...asked]);
    if (homes.size === 0) return;
    for (const [home, all] of this.entries.byHome()) {
      const held = all.filter(({ isHeld }) => isHeld);
      if (homes.has(home)) this.count(home, held);
    }
  }

  /** Forgets all listeners except those of these homes. */
  keep(homes: ReadonlySet<string>): void {
    for (const home of this.told.keys()) if (!homes.has(home)) this.told.delete(home);
  }

  private count(home: string, held: readonly Entry[]): void {
    const [first] = held;
    if (first === undefined) return;
    const { listener } = first;
    const primaries = held.flatMap((one) => primariesOf(one, this.checker.view(one.key)));
    const byPlace = new Map<string, string>();
    for (const { place, name } of primaries) if (!byPlace.has(place)) byPlace.set(place, name);
    const names = [...byPlace.values()].toSorted();
    const places = [...byPlace.keys()].toSorted().join("\n");
    if (names.length < 2) {
      if (!this.told.delete(home)) return;
    } else {
      if (this.told.get(home) === places) return;
      this.told.set(home, places);
    }
    this.observer.on({ event: "primariesChanged", listener, upstreams: names });
  }
}
