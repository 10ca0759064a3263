import type { Reason } from "../base/reason.ts";
import type { EdgeOptions } from "../config/options.ts";

/** A client that was not admitted. */
export interface Refused {
  /** Whether its bytes may wait. They may not if something already discards them. */
  readonly mayWait: boolean;
  /** Closes it with a FIN. */
  retire(reason: Reason): void;
  /** Closes it with a reset. */
  terminate(reason: Reason): void;
}

/** Turns clients away by a reset, by a FIN, or into a tarpit. Owner: a listener. */
export class Refusal<C extends Refused> {
  /** @param tarpit the clients that wait for nothing */
  constructor(
    private readonly how: EdgeOptions["refusal"],
    private readonly tarpit: { add(client: C): void },
  ) {}

  /** @param isTold whether the client was sent a reply, which a reset might overtake */
  refuse(client: C, reason: Reason, isTold: boolean): void {
    const { how } = this;
    // A client that has gone, or whose place another one needs, does not wait.
    const isHere = reason !== "client_reset" && reason !== "preamble_full";
    if (typeof how === "object" && client.mayWait && isHere) this.tarpit.add(client);
    else if ((how === "close" || isTold) && isHere) client.retire(reason);
    else client.terminate(reason);
  }
}
