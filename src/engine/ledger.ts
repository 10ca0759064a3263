import type { EngineName } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import { ListenerAccount } from "./account.ts";
import type { EngineShare, EngineStats } from "./engine.ts";
import type { Meter } from "./meter.ts";
import type { RelayStory } from "./relay-story.ts";
import type { Summary } from "./summary.ts";
import { addFlowStats, noFlowStats } from "./tally.ts";

/** What an engine knows beside its relays; see {@link EngineStats}. */
type Beside = Pick<EngineStats, "memory" | "loop" | "ring">;

/** What an engine counts of its relays: those that run, and what all the others have come to. */
export class Ledger<T extends RelayStory> {
  /** Relays that run, in the order of acceptance. */
  readonly running = new Set<T>();
  /** Times accepting was stopped because descriptors or memory ran out. */
  acceptPauses = 0;
  /** Relays whose listener's route function has failed. */
  routeFailures = 0;
  private readonly startedAt = performance.now();
  private readonly total = { up: noFlowStats(), down: noFlowStats() };
  private readonly reasons: Partial<Record<Reason, number>> = {};
  private readonly accounts = new Map<string, ListenerAccount>();
  private accepted = 0;
  private ended = 0;

  constructor(
    private readonly engine: EngineName,
    private readonly meter: Meter,
    private readonly share: EngineShare,
  ) {}

  /** Where the relays of a listener are counted: by its name. */
  account(name: string): ListenerAccount {
    let account = this.accounts.get(name);
    if (account === undefined) {
      account = new ListenerAccount(name);
      this.accounts.set(name, account);
    }
    return account;
  }

  /** A client was accepted. @returns the relay's number, see {@link EngineShare} */
  begins(relay: T, account: ListenerAccount): number {
    this.running.add(relay);
    account.accepted++;
    account.running++;
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
    relay.listener.account.ended(summary);
    return summary;
  }

  /** The relays that run now, oldest first. */
  relays(): Summary[] {
    return Array.from(this.running, (relay) => relay.summary());
  }

  /**
   * All figures as of now: those of ended relays plus those of running ones. Looks at every relay
   * that runs, for some 0.3 µs each when there are thousands, and makes nothing for it.
   */
  stats({ memory, loop, ring }: Beside): EngineStats {
    const up = { ...this.total.up };
    const down = { ...this.total.down };
    const accounts = [...this.accounts.values()];
    for (const account of accounts) account.recount();
    for (const relay of this.running) {
      relay.addTo(up, down);
      if (!relay.isDecided) continue;
      const flows = relay.relay;
      const { account } = relay.listener;
      account.runs(relay.upstreamAddress, flows.up.receivedBytes, flows.down.receivedBytes);
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
      listeners: accounts.map((account) => account.stats()),
      memory,
      loop,
      ring,
      receiveSegments: Array.from(this.meter.receiveSegments),
      sendSegments: Array.from(this.meter.sendSegments),
      acceptPauses: this.acceptPauses,
      routeFailures: this.routeFailures,
    };
  }
}
