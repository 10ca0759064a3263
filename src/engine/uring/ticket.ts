/**
 * The kinds of operations in a ticket: the 64 bits of `user_data` that a completion returns.
 *
 *     low  word   [ slot: 28 bits ][ operation: 4 bits ]
 *     high word   [ generation: 32 bits ]
 *
 * The operation says whose the slot is: an end's, a listener's, an attempt's or a copy's. The
 * generation counts the slot's tenants, so that a late completion for an earlier tenant is
 * recognized.
 *
 * There can be sixteen operations. Two numbers are used instead of a BigInt, because a BigInt for
 * each completion costs forty times as much.
 */
export enum Operation {
  /** Its completion is ignored, even if it failed. */
  Ignored,
  /** Accepts from a listener. The slot is the listener's. */
  Accept,
  /** The control plane has written to the eventfd. */
  Wake,
  /** Opens the socket of an attempt to connect. The slot is the attempt's. */
  Socket,
  /** Connects it. */
  Connect,
  /** Receives from an end. The slot is the end's. */
  Receive,
  /** Sends to it. */
  Send,
  /** Watches an end that is not read for its reset. */
  Watch,
  /** Sends to a mirror. From here on the slot is a copy's. */
  MirrorSend,
  /** Receives a mirror's answer, which is discarded. */
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

/** Whether a success completes with a new descriptor. */
export function opensDescriptor(operation: Operation): boolean {
  return operation === Operation.Accept || operation === Operation.Socket;
}

/** The owner of operations that tickets identify. */
export interface TicketOwner {
  /** Its place among others of its kind. */
  readonly slot: number;
  /** Counts the tenants of that place. */
  readonly generation: number;
  /** The low word of a ticket. */
  ticket(operation: Operation): number;
}
