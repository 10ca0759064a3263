import type { Checker } from "../upstream/health/checker.ts";
import { type Entry, isWanted } from "./entry.ts";

/** Ends the relays of an upstream; see {@link Engine.drop}. */
export type DropRelays = (slot: number, withinMs: number | null) => void;

/** Ends relays of upstreams that are down, and relays of backups when a primary is up again. */
export class Endings {
  /**
   * The homes of listeners that have a primary again, so relays of their backups should go back.
   */
  private readonly recovered = new Set<string>();

  constructor(
    private readonly checker: Pick<Checker, "status" | "hasPassed">,
    private readonly drop: DropRelays,
  ) {}

  /** Ends the relays of an upstream that went down, if `onDown` says so. */
  fell({ health, options }: Entry): void {
    if (health.onDown !== null) this.drop(options.slot, health.onDown);
  }

  /** Lets relays that were about to end go on, unless there is still a reason to end them. */
  spare({ key, home, state, health, options: { slot, isBackup } }: Entry): void {
    if (state !== "ready") return;
    const isDown = health.onDown !== null && this.checker.status(key) === "down";
    const isOver = isBackup && this.recovered.has(home);
    if (isDown) this.drop(slot, health.onDown);
    else this.drop(slot, isOver ? health.onUp : null);
  }

  /** Ends the relays of a listener's backups when a primary is up again, if `onUp` says so. */
  lookForPrimary(home: string, held: readonly Entry[]): void {
    if (!held.some(({ health }) => health.onUp !== null)) return;
    const isThere = ({ key, options }: Entry) =>
      !options.isBackup && this.checker.status(key) === "up" && this.checker.hasPassed(key);
    const isBack = held.some((entry) => isWanted(entry) && isThere(entry));
    if (isBack === this.recovered.has(home)) return;
    if (isBack) this.recovered.add(home);
    else this.recovered.delete(home);
    for (const entry of held) if (entry.options.isBackup) this.spare(entry);
  }

  /** Ends the relays of an upstream that was removed, if `onRemove` says so. */
  left({ health, options }: Entry): void {
    if (health.onRemove !== null) this.drop(options.slot, health.onRemove);
  }

  /** Forgets all listeners except those of these homes. */
  keep(homes: ReadonlySet<string>): void {
    for (const home of this.recovered) if (!homes.has(home)) this.recovered.delete(home);
  }
}
