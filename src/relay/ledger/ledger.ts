import type { Address } from "../../base/address.ts";
import { numberOfReason, type Reason, reasons } from "../../base/reason.ts";
import type { EngineName, ListenerOptions, MemoryOptions } from "../../config/options.ts";
import { Count, engineRow, flowFigures } from "../../counts/figures.ts";
import type { Running } from "../running.ts";
import type { EngineShare } from "../share.ts";
import { ListenerAccount, nameOfListener } from "./account.ts";
import type { Meter } from "./meter.ts";
import { type FlowTotals, sharedNumbers } from "./page.ts";
import { Pages } from "./pages.ts";
import type { Summary } from "./summary.ts";

/** The part of a listener that the ledger uses. */
interface Counted {
  readonly account: ListenerAccount;
  readonly options: Pick<ListenerOptions, "upstreams">;
}

/**
 * The running relays of an engine and its figures. It writes the figures to shared {@link pages} as
 * things happen, so that they can be read at any time without asking the engine.
 */
export class Ledger<T extends Running> {
  /** Running relays, oldest first. */
  readonly running = new Set<T>();
  readonly pages: Pages;
  /** By {@link Count}. The engine itself writes those of its memory, its loop and its ring. */
  readonly counts = sharedNumbers(engineRow.size);
  private readonly reasons = sharedNumbers(reasons.length);
  private readonly totals: FlowTotals = {
    up: sharedNumbers(flowFigures.size),
    down: sharedNumbers(flowFigures.size),
    discardedUp: sharedNumbers(flowFigures.size),
    discardedDown: sharedNumbers(flowFigures.size),
  };
  private readonly accounts = new Map<string, ListenerAccount>();

  constructor(
    engine: EngineName,
    { receiveSegments, sendSegments }: Meter,
    private readonly share: EngineShare,
    { segmentSize, segmentCount }: MemoryOptions,
  ) {
    const { counts, reasons, totals: flows } = this;
    counts[Count.segmentSize] = segmentSize;
    counts[Count.segmentCount] = segmentCount;
    this.pages = new Pages(engine);
    this.pages.add({
      kind: "engine",
      engine,
      counts,
      reasons,
      flows,
      receiveSegments,
      sendSegments,
    });
  }

  /** The account of the listeners with this name. */
  account(name: string): ListenerAccount {
    let account = this.accounts.get(name);
    if (account === undefined) {
      account = new ListenerAccount(name, this.totals, this.pages);
      this.accounts.set(name, account);
    }
    return account;
  }

  /** The account of a listener, in place of the one `before`. @param address as bound */
  accountOf(options: ListenerOptions, address: Address, before: Counted | null): ListenerAccount {
    const account = this.account(nameOfListener(options, address));
    account.keep(options.upstreams);
    if (before !== null) this.gone(before);
    return account;
  }

  /** A listener is gone. */
  gone({ account, options }: Counted): void {
    account.leave(options.upstreams);
  }

  /** A client was accepted. @returns the relay's number, see {@link EngineShare} */
  begins(relay: T, account: ListenerAccount): number {
    this.running.add(relay);
    account.begins();
    const { first, engines } = this.share;
    const before = this.counts[Count.accepted] as number;
    this.add(Count.accepted);
    return first + engines * before;
  }

  /** The relay of this number, if it runs. */
  find(id: number): T | null {
    for (const relay of this.running) if (relay.id === id) return relay;
    return null;
  }

  /** A relay has ended. @returns its final story */
  ends(relay: T): Summary {
    this.running.delete(relay);
    const summary = relay.summary();
    const reason = summary.reason as Reason;
    relay.decided();
    relay.listener.account.ended(summary.upstreamAddress, reason);
    (this.reasons[numberOfReason(reason)] as number)++;
    this.add(Count.ended);
    return summary;
  }

  /** Adds 1 to a figure. @param count see {@link Count} */
  add(count: number): void {
    (this.counts[count] as number)++;
  }

  /** The relays that run now, oldest first. */
  relays(): Summary[] {
    return Array.from(this.running, (relay) => relay.summary());
  }
}
