import type { Stage, Visitor } from "./stage.ts";

/** A client of which it is noted where it has connected to. */
export interface Noted extends Visitor {
  /** Where the client has connected to, in the kernel's form; null when that is not known, or not asked. */
  destination: Uint8Array | null;
  /** The same, as the kernel says it now; null when it does not. */
  readonly ownAddress: Uint8Array | null;
}

/**
 * Notes where a client has connected to, for who will be told of it. Now, as a client that resets while its
 * upstream is dialled takes its own end with it. A PROXY header may have said it already.
 */
export const whereabouts: Stage<Noted> = {
  receive(client) {
    client.destination ??= client.ownAddress;
    client.pass();
  },
};
