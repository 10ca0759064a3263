import { isPicked } from "./libc.ts";

/** The ends of a connection, as node:net and Bun report them; `undefined` once they are gone. */
interface Ends {
  readonly localPort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly remoteAddress?: string | undefined;
}

/**
 * Whether a dial has reached itself. A dial to a port of this machine without a listener gets that
 * same port for its own end about once in a thousand dials, if the system may choose that port. TCP
 * then takes its one end for two that dial each other. No server is there, everything that is sent
 * comes back, and nothing can listen on the port.
 *
 * @param port the dialled one
 */
export function meetsItself(port: number, ends: Ends): boolean {
  // Ordered by cost: almost always the first or the second comparison decides.
  return (
    isPicked(port) &&
    ends.localPort === port &&
    ends.remotePort === port &&
    ends.localAddress !== undefined &&
    ends.localAddress === ends.remoteAddress
  );
}
