import { RelayTimeouts } from "../relay-timeouts.ts";
import type { Conduit } from "./conduit.ts";

/** The settings of an address that is accepted on, with the timeouts of the relays that have them. */
export class Listener extends RelayTimeouts<Conduit> {}
