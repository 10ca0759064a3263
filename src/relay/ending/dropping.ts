import { type Clock, systemClock } from "../../base/clock.ts";
import type { Reason } from "../../base/reason.ts";
import type { Running } from "../running.ts";
import { Drain, type Drainable } from "./drain.ts";

/** Relays to be ended while all others go on: those of an upstream, or those of a listener. */
export type Selection =
  /** By its row in the table that all share. */
  | { readonly slot: number }
  /** By what stories call it. */
  | { readonly listener: string };

/** What runs, and may be selected, and ended. */
export interface Droppable
  extends Drainable,
    Pick<Running, "upstreamSlot" | "giveUpDial" | "terminate"> {
  readonly listener: { readonly account: { readonly name: string } };
}

/**
 * Ends selected relays within a time: idle ones by a FIN, as {@link Drain} does, the others when it is over.
 * Those that still dial an upstream that is gone go on with another one.
 *
 * Owner: an engine, which tells of each relay that has ended.
 */
export class Dropping<T extends Droppable> {
  /** Those that are to end together, and by which selection. */
  private readonly rows = new Map<Set<T>, Selection>();

  constructor(private readonly clock: Clock = systemClock) {}

  /** @param withinMs 0 for now */
  drop(running: Iterable<T>, selection: Selection, withinMs: number): void {
    const isUpstream = "slot" in selection;
    const reason = isUpstream ? "upstream_gone" : "drain";
    const row = new Set<T>();
    for (const relay of running) {
      if (!isSelected(relay, selection)) continue;
      // Whoever only dials it has lost nothing yet.
      if (isUpstream && relay.giveUpDial(reason)) continue;
      row.add(relay);
    }
    if (withinMs > 0 && row.size > 0) {
      this.rows.set(row, selection);
      new Drain(row, withinMs, this.clock, reason);
      this.clock.alarm(withinMs, () => this.finish(row, reason));
    } else this.finish(row, reason);
  }

  /** Those that were to end by this selection, and have not yet, go on. */
  spare(selection: Selection): void {
    for (const [row, its] of this.rows) {
      if (!isSame(its, selection)) continue;
      this.rows.delete(row);
      // Its drain ends nobody any more.
      row.clear();
    }
  }

  /** A relay has ended. */
  ended(relay: T): void {
    for (const row of this.rows.keys()) row.delete(relay);
  }

  private finish(row: Set<T>, reason: Reason): void {
    this.rows.delete(row);
    for (const relay of row) relay.terminate(reason);
  }
}

function isSelected(relay: Droppable, selection: Selection): boolean {
  if ("slot" in selection) return relay.upstreamSlot === selection.slot;
  return relay.listener.account.name === selection.listener;
}

function isSame(one: Selection, other: Selection): boolean {
  if ("slot" in one) return "slot" in other && one.slot === other.slot;
  return "listener" in other && one.listener === other.listener;
}
