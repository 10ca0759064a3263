import { type Clock, systemClock } from "../../base/clock.ts";
import type { Reason } from "../../base/reason.ts";
import type { Running } from "../running.ts";
import { Drain, type Drainable } from "./drain.ts";

/** Selects the relays of an upstream, or those of a listener. */
export type Selection =
  /** The upstream's slot in the shared table. */
  | { readonly slot: number }
  /** The listener's name in summaries. */
  | { readonly listener: string };

/** The part of a relay that {@link Dropping} uses. */
export interface Droppable
  extends Drainable,
    Pick<Running, "upstreamSlot" | "giveUpDial" | "terminate"> {
  readonly listener: { readonly account: { readonly name: string } };
}

/**
 * Ends selected relays within a window: idle ones with a FIN, as {@link Drain} does, the others at
 * its end. Those that still dial a removed upstream try another one.
 *
 * Owner: an engine, which reports each relay that ends.
 */
export class Dropping<T extends Droppable> {
  /** Relays that end together, with their selection. */
  private readonly rows = new Map<Set<T>, Selection>();

  constructor(private readonly clock: Clock = systemClock) {}

  /** Ends the selected relays. @param withinMs 0 ends them now */
  drop(running: Iterable<T>, selection: Selection, withinMs: number): void {
    const isUpstream = "slot" in selection;
    const reason = isUpstream ? "upstream_gone" : "drain";
    const row = new Set<T>();
    for (const relay of running) {
      if (!isSelected(relay, selection)) continue;
      // A relay that only dials the upstream can still use another one.
      if (isUpstream && relay.giveUpDial(reason)) continue;
      row.add(relay);
    }
    if (withinMs > 0 && row.size > 0) {
      this.rows.set(row, selection);
      new Drain(row, withinMs, this.clock, reason);
      this.clock.alarm(withinMs, () => this.finish(row, reason));
    } else this.finish(row, reason);
  }

  /** Lets the relays of a selection that have not ended go on. */
  spare(selection: Selection): void {
    for (const [row, its] of this.rows) {
      if (!isSame(its, selection)) continue;
      this.rows.delete(row);
      // An empty row stops its drain.
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
