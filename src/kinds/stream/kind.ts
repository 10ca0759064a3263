import type { Kind, KindHost } from "../../relay/kind.ts";
import type { ListenerAccount } from "../../relay/ledger/account.ts";
import type { Running } from "../../relay/running.ts";

/** The most idle relays that are kept for reuse. */
const SPARE_MAX = 1_024;

/** A relay of a carrier, which serves one client after the other. */
export interface StreamRelay<Listener> extends Running {
  /** Opens the client's end. @param connection in the form in which the carrier accepts it */
  clientEnd(connection: never): unknown;
  /** A client connected. */
  accept(id: number, client: never, listener: Listener): void;
}

/** The relay of streams: carries bytes between a client and one upstream. */
export class StreamKind<R extends StreamRelay<L>, L extends { readonly account: ListenerAccount }>
  implements Kind<R, L>
{
  readonly name = "stream";
  private readonly spare: R[] = [];

  /** @param newRelay makes a relay if there is none to reuse */
  constructor(private readonly newRelay: (listener: L) => R) {}

  accepted(connection: unknown, listener: L, host: KindHost<R>): R {
    const relay = this.spare.pop() ?? this.newRelay(listener);
    const id = host.begins(relay, listener.account);
    relay.accept(id, relay.clientEnd(connection as never) as never, listener);
    return relay;
  }

  over(relay: R): void {
    if (this.spare.length < SPARE_MAX) this.spare.push(relay);
  }
}
