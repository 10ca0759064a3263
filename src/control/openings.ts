import type { LoopClock } from "../base/clock.ts";
import { Recurring } from "../base/recurring.ts";
import type { Observer } from "../relay/observer.ts";
import type { Checker } from "../upstream/health/checker.ts";
import { PanicWatch } from "../upstream/health/panic.ts";
import type { UpstreamTable } from "../upstream/table.ts";
import type { Entries } from "./entries.ts";
import { type Entry, isWanted, weightOf } from "./entry.ts";

/** With more upstreams than this what happens to one of them is told to workers after so long. */
const AT_ONCE_MAX = 1_024;
const OPEN_AFTER_MS = 100;

/** What openings depend on. */
interface OpeningsParts {
  readonly entries: Entries;
  readonly table: Pick<UpstreamTable, "isOpen" | "setOpen">;
  readonly checker: Pick<Checker, "now" | "isOpen" | "isAwaited" | "status">;
  readonly observer: Observer;
  readonly clock: LoopClock;
  /** The upstreams of a listener that hold were looked at. */
  readonly onLooked: (home: string, held: readonly Entry[]) => void;
}

/**
 * Decides which upstreams may get relays, by what is known of all of a listener, and tells the workers.
 *
 *     ready, and well             ──► open
 *     ready, too few are well     ──► open: panic, checks are not believed
 *     ready, ejected, none left   ──► open: better than none
 *     anything else               ──► closed
 *
 * Upstreams of a reload that is under way are opened by the same rules, and change nothing for the others.
 */
export class Openings {
  private readonly panics = new Map<string, PanicWatch>();
  /** Homes of listeners none of whose upstreams may get relays. */
  private readonly lacking = new Set<string>();
  private readonly opening: Recurring;

  constructor(private readonly parts: OpeningsParts) {
    this.opening = new Recurring(OPEN_AFTER_MS, () => this.look(), parts.clock);
  }

  /** So few of a listener's upstreams are well that it is the checks that are not believed. */
  isInPanic(home: string): boolean {
    return this.panics.get(home)?.isOn ?? false;
  }

  /**
   * Looks soon after something has happened to one of them. Of thousands many may go down together, each
   * with a look at all of them: they are looked at once for many.
   */
  lookSoon(): void {
    if (this.parts.entries.size <= AT_ONCE_MAX) this.look();
    else this.opening.begin();
  }

  /** Tells the workers which upstreams may get relays. @returns false: there is no more to do */
  look(): false {
    const { entries, checker, onLooked } = this.parts;
    const { now } = checker;
    for (const [home, all] of entries.byHome()) {
      const held = all.filter(({ isHeld }) => isHeld);
      this.open(home, all, held, now);
      if (held.length === 0) continue;
      this.lookForLack(home, held);
      // Not before: who leaves a backup comes back at once, and the primary is open then.
      onLooked(home, held);
    }
    return false;
  }

  /** Only the listeners of these homes are left. */
  keep(homes: ReadonlySet<string>): void {
    for (const known of [this.panics, this.lacking]) {
      for (const home of known.keys()) if (!homes.has(home)) known.delete(home);
    }
  }

  /** Looks no more by itself. */
  stop(): void {
    this.opening.stop();
  }

  private open(home: string, all: readonly Entry[], held: readonly Entry[], now: number): void {
    const { table, checker } = this.parts;
    const isInPanic = this.lookForPanic(home, held);
    const isWell = (entry: Entry) => isInPanic || this.isWell(entry, now);
    const isAnybodyLeft = held.some((entry) => isWanted(entry) && isWell(entry));
    for (const entry of all) {
      // Ejection is a preference for others: where there is none left it must not keep all away.
      const isSpared = !isAnybodyLeft && checker.status(entry.key) === "ejected";
      const isOpen = entry.state === "ready" && (isWell(entry) || isSpared);
      table.setOpen(entry.options.slot, isOpen);
    }
  }

  /** As far as is known; who joins others must have been checked. */
  private isWell({ key, joinsOthers }: Entry, now: number): boolean {
    const { checker } = this.parts;
    return checker.isOpen(key, now) && !(joinsOthers && checker.isAwaited(key));
  }

  /** Tells when nobody is left to whom a listener's clients may be given, and when somebody is again. */
  private lookForLack(home: string, held: readonly Entry[]): void {
    const isLacking = !held.some(({ options }) => this.parts.table.isOpen(options.slot));
    if (this.lacking.has(home) === isLacking) return;
    if (isLacking) this.lacking.add(home);
    else this.lacking.delete(home);
    const [{ listener }] = held as [Entry];
    this.parts.observer.on({ event: "upstreamsLacking", listener, isLacking });
  }

  private lookForPanic(home: string, held: readonly Entry[]): boolean {
    const [first] = held;
    if (first === undefined) return false;
    const { listener, health } = first;
    let watch = this.panics.get(home);
    if (watch === undefined) {
      if (health.panicPercent === 0) return false;
      watch = new PanicWatch(health.panicPercent);
      this.panics.set(home, watch);
    }
    watch.thresholdPercent = health.panicPercent;
    const states = held
      .filter(({ state, options }) => state === "ready" && !options.isBackup)
      .map((entry) => ({ weight: weightOf(entry), isOpen: this.parts.checker.isOpen(entry.key) }));
    const change = watch.update(states);
    if (change !== null) {
      this.parts.observer.on({ event: "panicChanged", listener, isOn: change === "entered" });
    }
    return watch.isOn;
  }
}
