import type { Engine } from "../engine/engine.ts";
import type { RelaySummary } from "../relay/ledger/stats.ts";

/** A list that is younger than this is young enough for anybody who looks. */
const AGE_MS = 250;
/** …and one that is older is old, even when some worker was waited for in vain when it was made. */
const OLD_MS = 10_000;
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

  private making: Promise<readonly RelaySummary[]> | null = null;

  constructor(private readonly engine: Pick<Engine, "relays">) {}

  /** Those that ran a moment ago. */
  async recent(): Promise<readonly RelaySummary[]> {
    const age = performance.now() - this.madeAt;
    if (age < Math.max(AGE_MS, Math.min(OLD_MS, SHARE * this.tookMs))) return this.list;
    // Whoever looks while a list is made gets that one.
    return await (this.making ?? this.now());
  }

  /** Those that run now. */
  now(): Promise<readonly RelaySummary[]> {
    const making = this.make().finally(() => {
      if (this.making === making) this.making = null;
    });
    this.making = making;
    return making;
  }

  private async make(): Promise<readonly RelaySummary[]> {
    const startedAt = performance.now();
    this.list = await this.engine.relays();
    this.madeAt = performance.now();
    this.tookMs = this.madeAt - startedAt;
    return this.list;
  }
}
