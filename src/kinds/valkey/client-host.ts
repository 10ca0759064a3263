import type { Reason } from "../../base/reason.ts";
import type { Command } from "./command-table.ts";
import type { ListenerFigures } from "./figures/listener-figures.ts";
import type { Leaser } from "./leases.ts";
import type { Logins } from "./membership.ts";
import type { RepliesHost } from "./replies.ts";
import type { RequestsHost } from "./requests.ts";

/** A client as an exchange sees it at the end of a turn, and of its life. */
export interface ServedClient {
  /** Everything that it was given has been sent. */
  readonly isDelivered: boolean;
  /** Why it is to be ended once all was delivered. */
  readonly endsFor: Reason | null;
  /** Gives it the replies of this turn. */
  flush(): void;
  /** All was delivered: ends its relay with a FIN. */
  retire(): void;
  /** Ends its relay now. */
  end(reason: Reason): void;
}

/** The part of the exchange that clients use. */
export interface ClientHost extends RequestsHost, RepliesHost, Logins {
  readonly figures: ListenerFigures;
  /** Leased connections are plentiful. */
  readonly mayReserve: boolean;
  /** Whether the upstream is paused for such commands, so that they would keep others waiting. */
  keepsBack(command: Command): boolean;
  /** A client pauses the upstream. @param args behind `CLIENT PAUSE`; none if the pause is over */
  pauses(args: readonly string[]): void;
  /** Replies wait to be given to it at the end of the turn. */
  mark(client: ServedClient): void;
  waitsForLease(client: Leaser): void;
  waitsNoMore(client: Leaser): void;
  /** It holds up a shared connection: it is closed unless that ends soon. */
  stuffed(client: ServedClient): void;
  stuffedNoMore(client: ServedClient): void;
  /** It is to be ended once all was delivered. */
  leaves(client: ServedClient): void;
  gone(client: ServedClient): void;
}
