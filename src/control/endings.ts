import type { Checker } from "../upstream/health/checker.ts";
import { Backups } from "./backups.ts";
import { type Entry, isWanted } from "./entry.ts";

/** Ends the relays of an upstream; see {@link Engine.drop}. */
export type DropRelays = (slot: number, withinMs: number | null) => void;

/**
 * Which relays come to their end because of how upstreams are: those of one that is down, and those of
 * backups when there is a primary again.
 */
export class Endings {
  private readonly backups = new Backups();

  constructor(
    private readonly checker: Pick<Checker, "status" | "hasPassed">,
    private readonly drop: DropRelays,
  ) {}

  /** It is down: its relays end, where that is wanted. */
  fell({ health, options }: Entry): void {
    if (health.onDown !== null) this.drop(options.slot, health.onDown);
  }

  /** Its relays that were to end go on, unless there still is a reason for that. */
  spare({ key, home, state, health, options: { slot, isBackup } }: Entry): void {
    if (state !== "ready") return;
    const isDown = health.onDown !== null && this.checker.status(key) === "down";
    const isOver = isBackup && this.backups.areOver(home);
    if (isDown) this.drop(slot, health.onDown);
    else this.drop(slot, isOver ? health.onUp : null);
  }

  /** Relays of a listener's backups come to their end, where that is wanted, when there is a primary again. */
  lookForPrimary(home: string, held: readonly Entry[]): void {
    if (!held.some(({ health }) => health.onUp !== null)) return;
    const isThere = ({ key, options }: Entry) =>
      !options.isBackup && this.checker.status(key) === "up" && this.checker.hasPassed(key);
    const isBack = held.some((entry) => isWanted(entry) && isThere(entry));
    if (!this.backups.look(home, isBack)) return;
    for (const entry of held) if (entry.options.isBackup) this.spare(entry);
  }

  /** It goes: what becomes of its relays. */
  left({ health, options }: Entry): void {
    if (health.onRemove !== null) this.drop(options.slot, health.onRemove);
  }

  /** Only the listeners of these homes are left. */
  keep(homes: ReadonlySet<string>): void {
    this.backups.keep(homes);
  }
}
