/**
 * What an operation is called: the 64 bits of `user_data` that come back with its completion.
 *
 *     low  word   [ slot: 28 bits ][ operation: 4 bits ]
 *     high word   [ generation: 32 bits ]
 *
 * The slot is an end's, a listener's, an attempt's or a copy's, as the operation says; the generation counts
 * the tenants of the slot: a completion that comes late, for an earlier tenant, is told from one of the
 * present tenant.
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
  /** Opens the socket of an attempt to connect, whose slot it is. */
  Socket,
  /** Connects it. */
  Connect,
  /** Receives from an end, whose slot it is. */
  Receive,
  /** Sends to it. */
  Send,
  /** Watches it for its reset, while it is not read. */
  Watch,
  /** Sends what waits for the mirror. From here on the slot is a copy's. */
  MirrorSend,
  /** Receives what the mirror answers, which is thrown away. */
  MirrorReceive,
}

/** The low word of a ticket. */
export function ticketLow(operation: Operation, slot: number): number {
  return (slot << 4) | operation;
}

/** The operation in a low word. */
export function operationOf(low: number): Operation {
  return low & 0xf;
}

/** The slot in a low word. */
export function slotOf(low: number): number {
  return low >>> 4;
}

/** Whose operations are known by their tickets. */
export interface TicketOwner {
  /** Its place among others of its kind, which its tickets name. */
  readonly slot: number;
  /** Tells who has that place now from who had it before. */
  readonly generation: number;
  /** The low word of a ticket. */
  ticket(operation: Operation): number;
}
