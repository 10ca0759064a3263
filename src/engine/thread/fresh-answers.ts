import type { Address } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { isName } from "../../upstream/names/ask.ts";

/** What the control plane knows of this machine is as old as that, too; in milliseconds. */
const FRESH_MS = 1_000;

interface Answer {
  readonly addresses: readonly Address[];
  readonly until: number;
}

/**
 * Literal addresses that the control plane has just allowed to be dialled: a proxy that listens on the port of
 * its upstreams, as most do, need not ask for each client. What is refused is asked for each time, as are
 * names, whose addresses take turns, and unix sockets, whose files are looked at.
 *
 * Owner: a worker's thread.
 */
export class FreshAnswers {
  private readonly known = new WeakMap<Address, Answer>();

  /** @param now in milliseconds; for tests */
  constructor(private readonly now = systemClock.now) {}

  /** What was answered a moment ago; null when it has to be asked for. */
  of(address: Address): readonly Address[] | null {
    const answer = this.known.get(address);
    return answer === undefined || this.now() >= answer.until ? null : answer.addresses;
  }

  /** The control plane has answered. @param addresses none where it has refused */
  learn(address: Address, addresses: readonly Address[]): void {
    if (address.kind === "unix" || isName(address) || addresses.length === 0) return;
    this.known.set(address, { addresses, until: this.now() + FRESH_MS });
  }
}
