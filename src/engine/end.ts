/**
 * One connection, whatever carries it: what a lane receives from, and what another one sends to. It only
 * carries; what may be carried, and when, its lanes decide.
 *
 *     bytes come ─► they are put at the end of the incoming lane's queue ─► incoming.received(size)
 *     outgoing.send ─► the first bytes of its queue ─► outgoing.sent(size, asked)
 *
 * At most one receive and one send are in flight. Facts come in the past tense, and may come before the
 * call that has asked for them returns. There are numbers in these calls and no objects, as each of them
 * is made for each message; a worker has one carrier, so that they stay monomorphic.
 *
 * Owner: a conduit.
 */
export interface End {
  /** A receive brings at most what was asked for; else as much as comes. */
  readonly limitsReceives: boolean;
  /** A receive is under way, which need not be asked for again. */
  readonly isReceiving: boolean;
  /** The carrier reads what is queued for this end, which has to stay where it is. */
  readonly holdsQueue: boolean;
  /**
   * Receives, unless that is under way. Completes with `received`, `receiveStopped`, `sourceEnded` or
   * `sourceReset`.
   *
   * @param most bytes that it may bring, where that can be asked for; 0 for any number
   * @param isQuiet the other end has sent nothing yet
   */
  receive(most: number, isQuiet: boolean): void;
  /**
   * Receives no more. What comes before that has worked is still received.
   *
   * @param isBrief what it has just brought may be taken soon, and then more is wanted: stopping may not
   *   be worth it
   * @returns whether it has stopped now, and not before
   */
  stop(isBrief: boolean): boolean;
  /**
   * Sends what is queued for it, now or at the end of the turn. Completes with `sent` or `targetLost`.
   *
   * @param most bytes that it may send, where pace is kept there; 0 for any number
   */
  send(most: number): void;
  /** Bytes for it that only our kernel has. */
  readonly unsent: number;
  /** Bytes of it that our kernel has and we have not received. */
  readonly unread: number;
  /** The other end's IP address in the kernel's form; null when it cannot be had, as after a reset. */
  readonly otherAddress: Uint8Array | null;
  /** Our own address; null when it cannot be had. */
  readonly ownAddress: Uint8Array | null;
  /** An urgent byte is received in its place, where that is not so already. */
  keepUrgentBytes(): void;
  /** Sends bytes at once, before anything else was sent. @returns whether all were taken */
  sendFirst(bytes: Uint8Array): boolean;
}

/** An end of a carrier whose operations complete one by one, also after it was told to close. */
export interface CompletingEnd extends End {
  /** Operations are in flight. */
  readonly isBusy: boolean;
  readonly isReceivePending: boolean;
  readonly isSendPending: boolean;
  /** Has whatever is in flight complete soon. */
  cancel(): void;
  /** Sends FIN, after the last byte. */
  finish(): void;
  /**
   * Closes the connection, of which nothing is in flight. Its conduit hears when that is so.
   *
   * @param isClean by FIN and not by RST
   */
  close(isClean: boolean): void;
}

/**
 * The bytes of a lane, in the order in which they came. Where they lie is the carrier's: it puts them there,
 * and sends them from there.
 */
export interface Queue {
  /** Bytes that are queued. */
  readonly size: number;
  /** Bytes of which the carrier has room for those that were put into it last. */
  readonly room: number;
  /** It takes too much memory for the bytes that it holds: its source is not to be read until it is {@link isRoomy}. */
  readonly isCrowded: boolean;
  readonly isRoomy: boolean;
  /** There is no memory for what a source might bring. */
  readonly isDry: boolean;
  /** The first `size` bytes are done with. */
  consume(size: number): void;
  /**
   * What was put into it last is kept for long, however few bytes that are: it is copied behind what came before, where
   * it would take more memory than it needs. Nothing is being sent.
   */
  settleDown(): void;
  /** The last `size` bytes, which were put into it just now, are not kept. */
  cut(size: number): void;
  /** Bytes from the one at `from` on, where they lie; valid until they are consumed. */
  views(from: number, size: number): Uint8Array[];
  /** Gives all memory back. */
  clear(): void;
}
