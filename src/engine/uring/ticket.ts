/**
 * What an operation is called: the 64 bits of `user_data` that come back with its completion.
 *
 *     low  word   [ slot: 24 bits ][ attempt: 4 bits ][ operation: 4 bits ]
 *     high word   [ generation: 32 bits ]
 *
 * The slot is a relay's (or a listener's, or a copy's), the generation counts the tenants of the slot: a
 * completion that comes late, for an earlier tenant, is told from one of the present tenant. A dial may
 * make several attempts at a time, which have numbers; of all else there is one.
 *
 * There may be sixteen operations. Two numbers and no BigInt, because a BigInt for each completion
 * costs forty times as much.
 */
export enum Operation {
  /** Nobody waits for it; when it fails that does not matter. */
  Ignored,
  /** Accepts from a listener. The slot is the listener's. */
  Accept,
  /** The control plane has written to the eventfd. */
  Wake,
  /** Opens the upstream's socket. */
  Socket,
  /** Connects it. */
  Connect,
  /** Receives from the client. Up and down lie next to each other: see {@link directionOf}. */
  ReceiveUp,
  /** Receives from the upstream. */
  ReceiveDown,
  /** Sends to the upstream. */
  SendUp,
  /** Sends to the client. */
  SendDown,
  /** Watches a client that is not read for its reset. */
  WatchUp,
  /** Watches an upstream that is not read for its reset. */
  WatchDown,
  /** Opens the socket of a copy to a mirror. From here on the slot is a copy's. */
  MirrorSocket,
  /** Connects it. */
  MirrorConnect,
  /** Sends what waits for the mirror. */
  MirrorSend,
  /** Receives what the mirror answers, which is thrown away. */
  MirrorReceive,
}

/** The low word of a ticket. @param attempt 0…15 */
export function ticketLow(operation: Operation, slot: number, attempt = 0): number {
  return (slot << 8) | (attempt << 4) | operation;
}

/** The operation in a low word. */
export function operationOf(low: number): Operation {
  return low & 0xf;
}

/** The number of the attempt in a low word. */
export function attemptOf(low: number): number {
  return (low >>> 4) & 0xf;
}

/** The slot in a low word. */
export function slotOf(low: number): number {
  return low >>> 8;
}
