import type { LoopClock } from "../base/clock.ts";
import { Recurring } from "../base/recurring.ts";
import type { UpstreamTable } from "../upstream/table.ts";
import type { Entries } from "./entries.ts";
import { type Entry, weightOf } from "./entry.ts";

/** How often slowly starting upstreams get more weight. */
const RAMP_MS = 250;
/** With so much of its weight one that is up again begins. */
const RAMP_LEAST = 0.05;

/** Tells the workers what each upstream weighs: less for a while where it starts slowly. */
export class Weights {
  private readonly ramp: Recurring;

  constructor(
    private readonly entries: Entries,
    private readonly table: Pick<UpstreamTable, "setWeight">,
    private readonly clock: LoopClock,
  ) {
    this.ramp = new Recurring(RAMP_MS, () => this.raise(), clock);
  }

  /** It gets its whole weight by and by from now on, where that is wanted. */
  rise(entry: Entry): void {
    if (entry.health.slowStartMs === 0) return;
    entry.risingSince = this.clock.now();
    this.ramp.begin();
  }

  /** It has another weight, or another part of it. */
  weigh(entry: Entry): void {
    const { risingSince, health, options } = entry;
    let part = 1;
    if (risingSince !== null) {
      part = Math.max(RAMP_LEAST, (this.clock.now() - risingSince) / health.slowStartMs);
      // Also when slow start has been taken away meanwhile.
      if (!(part < 1)) entry.risingSince = null;
    }
    this.table.setWeight(options.slot, weightOf(entry), Math.min(1, part));
  }

  /** Nobody gets more by and by. */
  stop(): void {
    this.ramp.stop();
  }

  /** Gives those that start slowly more weight. @returns whether any go on */
  private raise(): boolean {
    const isRising = ({ risingSince }: Entry) => risingSince !== null;
    for (const entry of [...this.entries.values()].filter(isRising)) this.weigh(entry);
    return this.entries.values().some(isRising);
  }
}
