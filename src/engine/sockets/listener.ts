import { ipKind } from "../../config/ip.ts";
import type { Address, ListenerOptions } from "../../config/options.ts";
import { Deadlines } from "../deadlines.ts";
import { RelayTimeouts } from "../relay-timeouts.ts";
import type { Conduit } from "./conduit.ts";

/** Milliseconds after which a relay is worth the system calls that turn keep-alive on. */
const YOUNG_MS = 20_000;

/** The settings of an address that is accepted on, with the timeouts of the relays that have them. */
export class Listener extends RelayTimeouts<Conduit> {
  /**
   * Relays too young for keep-alive, which does nothing before a minute of silence: eight system
   * calls less for each relay that is over by then.
   */
  readonly young: Deadlines<Conduit>;
  /** The upstreams whose host is an IP address. */
  readonly literals: ReadonlySet<Address>;

  constructor(options: ListenerOptions, onDialTimeout: (conduit: Conduit) => void) {
    super(options, onDialTimeout);
    this.literals = new Set(options.upstreams.filter(isLiteral));
    this.young = new Deadlines(YOUNG_MS, (conduit) => conduit.keepAlive());
  }

  override forget(conduit: Conduit): void {
    super.forget(conduit);
    this.young.delete(conduit);
  }
}

function isLiteral(address: Address): boolean {
  return address.kind === "tcp" && ipKind(address.host) !== 0;
}
