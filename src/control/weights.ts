import type { LoopClock } from "../base/clock.ts";
import { Recurring } from "../base/recurring.ts";
import type { UpstreamTable } from "../upstream/table.ts";
import type { Entries } from "./entries.ts";
import { type Entry, weightOf } from "./entry.ts";

/** How often upstreams in slow start get more weight. */
const RAMP_MS = 250;
/** The fraction of its weight with which an upstream begins. */
const RAMP_LEAST = 0.05;

/** Tells the workers the weight of each upstream, which is less during slow start. */
export class Weights {
  private readonly ramp: Recurring;

  constructor(
    private readonly entries: Entries,
    private readonly table: Pick<UpstreamTable, "setWeight">,
    private readonly clock: LoopClock,
  ) {
    this.ramp = new Recurring(RAMP_MS, () => this.raise(), clock);
  }

  /** Begins the slow start of an upstream, if it has one. */
  rise(entry: Entry): void {
    if (entry.health.slowStartMs === 0) return;
    entry.risingSince = this.clock.now();
    this.ramp.begin();
  }

  /** Tells the workers the current weight of an upstream. */
  weigh(entry: Entry): void {
    const { risingSince, health, options } = entry;
    let part = 1;
    if (risingSince !== null) {
      part = Math.max(RAMP_LEAST, (this.clock.now() - risingSince) / health.slowStartMs);
      // Not `part >= 1`: without slow start it may be NaN.
      if (!(part < 1)) entry.risingSince = null;
    }
    this.table.setWeight(options.slot, weightOf(entry), Math.min(1, part));
  }

  stop(): void {
    this.ramp.stop();
  }

  /** Gives upstreams in slow start more weight. @returns whether any goes on */
  private raise(): boolean {
    const isRising = ({ risingSince }: Entry) => risingSince !== null;
    for (const entry of [...this.entries.values()].filter(isRising)) this.weigh(entry);
    return this.entries.values().some(isRising);
  }
}
