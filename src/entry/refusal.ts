import type { Reason } from "../base/reason.ts";
import type { EdgeOptions } from "../config/options.ts";

/** A client that may not come in. */
export interface Refused {
  /** Its bytes may wait: nobody is there who takes them, and would for ever. */
  readonly mayWait: boolean;
  /** Ends it by a FIN. */
  retire(reason: Reason): void;
  /** Ends it by a reset. */
  terminate(reason: Reason): void;
}

/** How a listener turns clients away: by a reset, by a FIN, or by leaving them to wait. Owner: a listener. */
export class Refusal<C extends Refused> {
  /** @param tarpit those that are left to wait */
  constructor(
    private readonly how: EdgeOptions["refusal"],
    private readonly tarpit: { add(client: C): void },
  ) {}

  /** @param isTold the client was sent a reply, which a reset might overtake */
  refuse(client: C, reason: Reason, isTold: boolean): void {
    const { how } = this;
    // Whose place somebody else needs, and who has gone, does not wait.
    const isHere = reason !== "client_reset" && reason !== "preamble_full";
    if (typeof how === "object" && client.mayWait && isHere) this.tarpit.add(client);
    else if ((how === "close" || isTold) && isHere) client.retire(reason);
    else client.terminate(reason);
  }
}
