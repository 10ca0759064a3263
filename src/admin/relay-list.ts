import type { Engine } from "../engine/engine.ts";
import type { RelaySummary } from "../relay/ledger/stats.ts";

/** A list younger than this many milliseconds is reused. */
const AGE_MS = 250;
/** A list older than this is never reused, even if a hung worker made it slow. */
const OLD_MS = 10_000;
/** Making lists takes at most one part in this many of the time. */
const SHARE = 20;

/**
 * The running relays. While a worker lists all of its relays it relays nothing, which takes long if
 * there are many: so the list is made anew at a limited rate, however many clients read it.
 */
export class RelayList {
  private list: readonly RelaySummary[] = [];
  private madeAt = Number.NEGATIVE_INFINITY;
  private tookMs = 0;
  private making: Promise<readonly RelaySummary[]> | null = null;

  constructor(private readonly engine: Pick<Engine, "relays">) {}

  /** Relays that ran a moment ago. */
  async recent(): Promise<readonly RelaySummary[]> {
    const age = performance.now() - this.madeAt;
    if (age < Math.max(AGE_MS, Math.min(OLD_MS, SHARE * this.tookMs))) return this.list;
    // While a list is being made, all callers wait for that one.
    return await (this.making ?? this.now());
  }

  /** Relays that run now. */
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
