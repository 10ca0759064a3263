import type { Address, ListenerOptions } from "../../config/options.ts";
import type { Admission } from "../../edge/admission.ts";
import type { Choice } from "../../upstream/chooser.ts";
import type { ListenerAccount } from "../account.ts";
import { isName } from "../names.ts";
import { RelayTimeouts, type TimedDialer } from "../relay-timeouts.ts";
import type { Routing } from "../route-desk.ts";
import type { Conduit } from "./conduit.ts";

/** The settings of an address that is accepted on, with the timeouts of the relays that have them. */
export class Listener extends RelayTimeouts<Conduit> {
  /** The upstreams whose host is a name. */
  readonly names: ReadonlySet<Address>;

  constructor(
    options: ListenerOptions,
    account: ListenerAccount,
    choice: Choice,
    admission: Admission | null,
    routing: Routing,
    dialer: TimedDialer<Conduit>,
  ) {
    super(options, account, choice, admission, routing, dialer);
    this.names = new Set(options.upstreams.map(({ address }) => address).filter(isName));
  }
}
