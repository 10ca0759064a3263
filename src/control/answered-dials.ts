import type { LoopClock } from "../base/clock.ts";
import { Recurring } from "../base/recurring.ts";
import type { Checker } from "../upstream/health/checker.ts";
import type { UpstreamTable } from "../upstream/table.ts";
import type { Entries } from "./entries.ts";
import type { Entry } from "./entry.ts";

/** How often is asked for answers of ejected upstreams. */
const ANSWERS_MS = 250;

/** Passes on that dials were answered, which workers only note: it ends what failed ones had begun. */
export class AnsweredDials {
  private readonly hearing: Recurring;

  constructor(
    private readonly entries: Entries,
    private readonly table: Pick<UpstreamTable, "wasDialed" | "isOpen">,
    private readonly checker: Pick<Checker, "status" | "dialed">,
    clock: LoopClock,
  ) {
    this.hearing = new Recurring(ANSWERS_MS, () => this.hearEjected(), clock);
  }

  /** Looks whether this one has answered since the last look. */
  hear({ key, options: { slot } }: Entry): void {
    if (!this.table.wasDialed(slot)) return;
    // That dial began before it was ejected, and says nothing of now: it gets none.
    if (this.isEjected(key) && !this.table.isOpen(slot)) return;
    this.checker.dialed(key);
  }

  /** One was ejected: it is looked at again and again, as nobody else may be left. */
  begin(): void {
    this.hearing.begin();
  }

  /** Looks no more. */
  stop(): void {
    this.hearing.stop();
  }

  private isEjected(key: string): boolean {
    return this.checker.status(key) === "ejected";
  }

  /** Ejected ones that are open all the same, as nobody else is left, may answer. @returns whether any are left */
  private hearEjected(): boolean {
    const isEjected = ({ key }: Entry) => this.isEjected(key);
    for (const entry of [...this.entries.values()].filter(isEjected)) this.hear(entry);
    return this.entries.values().some(isEjected);
  }
}
