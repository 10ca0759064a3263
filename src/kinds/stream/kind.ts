import type { Kind, KindHost } from "../../relay/kind.ts";
import type { ListenerAccount } from "../../relay/ledger/account.ts";
import type { Running } from "../../relay/running.ts";

/** Relays kept for the next tenants, at most; beyond that the garbage collector takes them. */
const SPARE_MAX = 1_024;

/** A relay of a carrier, which carries one client after the other. */
export interface StreamRelay<Listener> extends Running {
  /** Its client's end. @param connection as the carrier accepts it */
  clientEnd(connection: never): unknown;
  /** A client connected. */
  accept(id: number, client: never, listener: Listener): void;
}

/** The relay of streams: what a client sends goes to one upstream, and what that sends comes back. */
export class StreamKind<R extends StreamRelay<L>, L extends { readonly account: ListenerAccount }>
  implements Kind<R, L>
{
  readonly name = "stream";
  private readonly spare: R[] = [];

  /** @param newRelay makes a relay that nobody has had yet */
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
