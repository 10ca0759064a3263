import type { LoopClock } from "../base/clock.ts";
import { Recurring } from "../base/recurring.ts";
import type { Observer } from "../relay/observer.ts";
import type { Checker } from "../upstream/health/checker.ts";
import { PanicWatch } from "../upstream/health/panic.ts";
import type { UpstreamTable } from "../upstream/table.ts";
import type { Entries } from "./entries.ts";
import { type Entry, isWanted, weightOf } from "./entry.ts";

/** With more upstreams than this, workers hear about changes a little later, many at once. */
const AT_ONCE_MAX = 1_024;
const OPEN_AFTER_MS = 100;

/** What {@link Openings} depends on. */
interface OpeningsParts {
  readonly entries: Entries;
  readonly table: Pick<UpstreamTable, "isOpen" | "setOpen">;
  readonly checker: Pick<Checker, "now" | "isOpen" | "isAwaited" | "status">;
  readonly observer: Observer;
  readonly clock: LoopClock;
  /** Called after each look at a listener's held upstreams. */
  readonly onLooked: (home: string, held: readonly Entry[]) => void;
}

/**
 * Decides which upstreams of a listener may get relays, and tells the workers.
 *
 *     ready, and healthy              ──► open
 *     ready, too few are healthy      ──► open: panic, checks are not trusted
 *     ready, ejected, no other left   ──► open: better than none
 *     anything else                   ──► closed
 *
 * Upstreams of a reload in progress open by the same rules, without any effect on the others.
 */
export class Openings {
  private readonly panics = new Map<string, PanicWatch>();
  /** The homes of listeners without any open upstream. */
  private readonly lacking = new Set<string>();
  private readonly opening: Recurring;

  constructor(private readonly parts: OpeningsParts) {
    this.opening = new Recurring(OPEN_AFTER_MS, () => this.look(), parts.clock);
  }

  /** Whether so few of a listener's upstreams are healthy that checks are not trusted. */
  isInPanic(home: string): boolean {
    return this.panics.get(home)?.isOn ?? false;
  }

  /**
   * Looks now or soon. If there are thousands of upstreams, many may go down together: one look
   * then serves many changes.
   */
  lookSoon(): void {
    if (this.parts.entries.size <= AT_ONCE_MAX) this.look();
    else this.opening.begin();
  }

  /** Tells the workers which upstreams may get relays. @returns false: nothing is left to do */
  look(): false {
    const { entries, checker, onLooked } = this.parts;
    const { now } = checker;
    for (const [home, all] of entries.byHome()) {
      const held = all.filter(({ isHeld }) => isHeld);
      this.open(home, all, held, now);
      if (held.length === 0) continue;
      this.lookForLack(home, held);
      // Last, because clients that leave a backup come back at once: the primary must be open by
      // then.
      onLooked(home, held);
    }
    return false;
  }

  /** Forgets all listeners except those of these homes. */
  keep(homes: ReadonlySet<string>): void {
    for (const known of [this.panics, this.lacking]) {
      for (const home of known.keys()) if (!homes.has(home)) known.delete(home);
    }
  }

  stop(): void {
    this.opening.stop();
  }

  private open(home: string, all: readonly Entry[], held: readonly Entry[], now: number): void {
    const { table, checker } = this.parts;
    const isInPanic = this.lookForPanic(home, held);
    const isWell = (entry: Entry) => isInPanic || this.isWell(entry, now);
    const isAnybodyLeft = held.some((entry) => isWanted(entry) && isWell(entry));
    for (const entry of all) {
      // Ejection only prefers other upstreams: if none is left, it must not keep clients away.
      const isSpared = !isAnybodyLeft && checker.status(entry.key) === "ejected";
      const isOpen = entry.state === "ready" && (isWell(entry) || isSpared);
      table.setOpen(entry.options.slot, isOpen);
    }
  }

  /** Whether an upstream is healthy. One that joins others must have passed a check. */
  private isWell({ key, joinsOthers }: Entry, now: number): boolean {
    const { checker } = this.parts;
    return checker.isOpen(key, now) && !(joinsOthers && checker.isAwaited(key));
  }

  /** Reports when a listener has no open upstream left, and when it has one again. */
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
