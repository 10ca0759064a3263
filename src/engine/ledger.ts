import type { EngineName } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import type { EngineShare, EngineStats } from "./engine.ts";
import type { Meter } from "./meter.ts";
import type { Summary } from "./summary.ts";
import { addFlowStats, noFlowStats } from "./tally.ts";

/** A relay that a ledger counts. */
interface Counted {
  readonly id: number;
  summary(): Summary;
}

/** What an engine knows beside its relays; see {@link EngineStats}. */
type Beside = Pick<EngineStats, "memory" | "loop" | "ring">;

/** What an engine counts of its relays: those that run, and what all the others have come to. */
export class Ledger<T extends Counted> {
  /** Relays that run, in the order of acceptance. */
  readonly running = new Set<T>();
  /** Times accepting was stopped because descriptors or memory ran out. */
  acceptPauses = 0;
  private readonly startedAt = performance.now();
  private readonly total = { up: noFlowStats(), down: noFlowStats() };
  private readonly reasons: Partial<Record<Reason, number>> = {};
  private accepted = 0;
  private ended = 0;

  constructor(
    private readonly engine: EngineName,
    private readonly meter: Meter,
    private readonly share: EngineShare,
  ) {}

  /** A client was accepted. @returns the relay's number, see {@link EngineShare} */
  begins(relay: T): number {
    this.running.add(relay);
    const { first, engines } = this.share;
    return first + engines * this.accepted++;
  }

  /** The relay of this number, if it runs. */
  find(id: number): T | null {
    for (const relay of this.running) if (relay.id === id) return relay;
    return null;
  }

  /** A relay is over. @returns its story, as it stays */
  ends(relay: T): Summary {
    this.running.delete(relay);
    this.ended++;
    const summary = relay.summary();
    addFlowStats(this.total.up, summary.up);
    addFlowStats(this.total.down, summary.down);
    const reason = summary.reason as Reason;
    this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
    return summary;
  }

  /** The relays that run now, oldest first. */
  relays(): Summary[] {
    return Array.from(this.running, (relay) => relay.summary());
  }

  /** All figures as of now: those of ended relays plus those of running ones. */
  stats({ memory, loop, ring }: Beside): EngineStats {
    const up = { ...this.total.up };
    const down = { ...this.total.down };
    for (const relay of this.relays()) {
      addFlowStats(up, relay.up);
      addFlowStats(down, relay.down);
    }
    return {
      engine: this.engine,
      durationMs: performance.now() - this.startedAt,
      relays: {
        accepted: this.accepted,
        running: this.running.size,
        ended: this.ended,
        reasons: { ...this.reasons },
      },
      up,
      down,
      memory,
      loop,
      ring,
      receiveSegments: Array.from(this.meter.receiveSegments),
      sendSegments: Array.from(this.meter.sendSegments),
      acceptPauses: this.acceptPauses,
    };
  }
}
