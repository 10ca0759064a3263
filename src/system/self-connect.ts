import { isPicked } from "./libc.ts";

/** What node:net and Bun say of a connection's ends; `undefined` where there is none any more. */
interface Ends {
  readonly localPort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly remoteAddress?: string | undefined;
}

/**
 * Whether a dial has met itself. Who dials a port of this machine that nobody listens on gets that very port
 * for its own end once in some thousand dials, where it is one of those that the system picks; then TCP takes
 * the two ends, which are one, for two that dial each other at the same moment. Nobody is there, all that is
 * sent comes back, and who wants to listen there cannot.
 *
 * @param port that was dialled
 */
export function meetsItself(port: number, ends: Ends): boolean {
  // The system is asked as little as can be: almost always the first or the second question is the last one.
  return (
    isPicked(port) &&
    ends.localPort === port &&
    ends.remotePort === port &&
    ends.localAddress !== undefined &&
    ends.localAddress === ends.remoteAddress
  );
}
