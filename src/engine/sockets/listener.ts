import { ipKind } from "../../config/ip.ts";
import type { Address, ListenerOptions } from "../../config/options.ts";
import type { Admission } from "../../edge/admission.ts";
import type { UpstreamChooser } from "../../upstream/chooser.ts";
import type { ListenerAccount } from "../account.ts";
import { RelayTimeouts } from "../relay-timeouts.ts";
import type { Routing } from "../route-desk.ts";
import type { Conduit } from "./conduit.ts";

/** The settings of an address that is accepted on, with the timeouts of the relays that have them. */
export class Listener extends RelayTimeouts<Conduit> {
  /** The upstreams whose host is an IP address. */
  readonly literals: ReadonlySet<Address>;

  constructor(
    options: ListenerOptions,
    account: ListenerAccount,
    chooser: UpstreamChooser,
    admission: Admission | null,
    routing: Routing,
    onDialTimeout: (conduit: Conduit) => void,
  ) {
    super(options, account, chooser, admission, routing, onDialTimeout);
    this.literals = new Set(options.upstreams.map(({ address }) => address).filter(isLiteral));
  }
}

function isLiteral(address: Address): boolean {
  return address.kind === "tcp" && ipKind(address.host) !== 0;
}
