import type { Address } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { isName } from "../../upstream/names/ask.ts";

/** How long an answer is valid. The control plane's own knowledge of this machine is as old. */
const FRESH_MS = 1_000;

interface Answer {
  readonly addresses: readonly Address[];
  readonly until: number;
}

/**
 * Literal addresses that the control plane has just allowed to be dialled, so that a proxy that
 * listens on the port of its upstreams, as most do, need not ask for each client. Refused addresses
 * are asked for each time. So are names, whose addresses rotate, and unix sockets, whose files are
 * checked.
 *
 * Owner: a worker's thread.
 */
export class FreshAnswers {
  private readonly known = new WeakMap<Address, Answer>();

  /** @param now in milliseconds; for tests */
  constructor(private readonly now = systemClock.now) {}

  /** The fresh answer; null if the control plane must be asked. */
  of(address: Address): readonly Address[] | null {
    const answer = this.known.get(address);
    return answer === undefined || this.now() >= answer.until ? null : answer.addresses;
  }

  /** The control plane has answered. @param addresses empty if it refused */
  learn(address: Address, addresses: readonly Address[]): void {
    if (address.kind === "unix" || isName(address) || addresses.length === 0) return;
    this.known.set(address, { addresses, until: this.now() + FRESH_MS });
  }
}
