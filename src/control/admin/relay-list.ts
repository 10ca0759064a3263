import type { Engine, RelaySummary } from "../../engine/engine.ts";

/** A list that is younger than this is young enough for anybody who looks. */
const AGE_MS = 250;
/** Making lists may take one part of so many of the time. */
const SHARE = 20;

/**
 * The relays that run. Telling of all of them keeps workers from relaying for a moment, which is long
 * where there are many: so the list is made anew only so often, however many people look at it.
 */
export class RelayList {
  private list: readonly RelaySummary[] = [];
  private madeAt = Number.NEGATIVE_INFINITY;
  private tookMs = 0;

  constructor(private readonly engine: Pick<Engine, "relays">) {}

  /** Those that ran a moment ago. */
  recent(): readonly RelaySummary[] {
    const age = performance.now() - this.madeAt;
    return age < Math.max(AGE_MS, SHARE * this.tookMs) ? this.list : this.now();
  }

  /** Those that run now. */
  now(): readonly RelaySummary[] {
    const startedAt = performance.now();
    this.list = this.engine.relays();
    this.madeAt = performance.now();
    this.tookMs = this.madeAt - startedAt;
    return this.list;
  }
}
