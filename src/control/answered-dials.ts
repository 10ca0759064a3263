import type { LoopClock } from "../base/clock.ts";
import { Recurring } from "../base/recurring.ts";
import type { Checker } from "../upstream/health/checker.ts";
import type { UpstreamTable } from "../upstream/table.ts";
import type { Entries } from "./entries.ts";
import type { Entry } from "./entry.ts";

/** How often to look for answers of ejected upstreams. */
const ANSWERS_MS = 250;

/** Tells the checker about answered dials, which workers only note: an answer ends an ejection. */
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

  /** Looks whether an upstream has answered a dial since the last look. */
  hear({ key, options: { slot } }: Entry): void {
    if (!this.table.wasDialed(slot)) return;
    // It is closed, so the dial began before the ejection and says nothing about now.
    if (this.isEjected(key) && !this.table.isOpen(slot)) return;
    this.checker.dialed(key);
  }

  /** Looks regularly from now on: an ejected upstream may get dials if no other one is left. */
  begin(): void {
    this.hearing.begin();
  }

  stop(): void {
    this.hearing.stop();
  }

  private isEjected(key: string): boolean {
    return this.checker.status(key) === "ejected";
  }

  /** @returns whether any upstream is still ejected */
  private hearEjected(): boolean {
    const isEjected = ({ key }: Entry) => this.isEjected(key);
    for (const entry of [...this.entries.values()].filter(isEjected)) this.hear(entry);
    return this.entries.values().some(isEjected);
  }
}
