import type { Clock } from "../../base/clock.ts";
import type { ListenerOptions } from "../../config/options.ts";
import type { Inside, InsideOwner } from "../../relay/inside.ts";
import type { Page } from "../../relay/ledger/page.ts";
import type { ServedClient } from "./client-host.ts";
import type { Holdings } from "./holdings.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";

/** A listener of mode `valkey`. */
export interface ValkeyListener {
  readonly options: ListenerOptions;
  readonly account: { readonly name: string; addPage(page: Page): void };
}

/** What an exchange needs of its engine. */
export interface ExchangeCarrier<L extends ValkeyListener> {
  readonly clock: Clock;
  /** The most bytes that it holds for clients outside of their relays. */
  readonly holdingsMax: number;
  /** No new client comes. */
  readonly isStopping: boolean;
  /** Makes the listener of relays that begin inside. @param before the one that it replaces */
  insideListener(options: ListenerOptions, before: L | null): L;
  /** Begins a relay to an upstream of such a listener. */
  dialInside(listener: L, owner: InsideOwner): Inside;
  /** Calls {@link Exchange.flush} once, at the end of this turn. */
  atTurnEnd(): void;
}

/** What the exchange's services share. */
export interface ServiceHost {
  readonly holdings: Holdings;
  readonly clock: Clock;
  readonly isStopping: boolean;
  /** The time of this turn, in milliseconds. */
  readonly now: number;
  hasAsked(): void;
  markConnection(connection: UpstreamConnection): void;
  mark(client: ServedClient): void;
  keep(bytes: Uint8Array, from: number, to: number): number;
  kept(from: number, to: number): Uint8Array;
  stuffed(client: ServedClient): void;
  stuffedNoMore(client: ServedClient): void;
  leaves(client: ServedClient): void;
}
