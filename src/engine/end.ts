/**
 * One connection of any carrier: the source of one lane and the target of another. It only carries
 * bytes; its lanes decide which, and when.
 *
 *     bytes come ─► they are put at the end of the incoming lane's queue ─► incoming.received(size)
 *     outgoing.send ─► the first bytes of its queue ─► outgoing.sent(size, asked)
 *
 * At most one receive and one send are in flight. The carrier reports facts, perhaps before the
 * call that has asked for them returns. These calls occur for each message, so they pass numbers,
 * not objects. A worker has one carrier, so that the calls stay monomorphic.
 *
 * Owner: a conduit.
 */
export interface End {
  /** It is no connection, but the side of a relay that somebody in this thread has (`relay/inside.ts`). */
  readonly isInside: boolean;
  /** Whether a receive can be limited. */
  readonly limitsReceives: boolean;
  /** A receive is under way and need not be asked for again. */
  readonly isReceiving: boolean;
  /** The carrier reads the bytes that are queued for this end, so they must stay where they are. */
  readonly holdsQueue: boolean;
  /**
   * Receives, unless a receive is under way. Completes with `received`, `receiveStopped`,
   * `sourceEnded` or `sourceReset`.
   *
   * @param most the most bytes to receive, if that can be limited; 0 for any number
   * @param isQuiet whether the other end has sent nothing yet
   */
  receive(most: number, isQuiet: boolean): void;
  /**
   * Stops receiving. Bytes that come before this takes effect are still received.
   *
   * @param isBrief whether receiving will probably resume soon, so that stopping may not be
   *   worthwhile
   * @returns whether it has stopped with this call
   */
  stop(isBrief: boolean): boolean;
  /**
   * Sends what is queued for it, now or at the end of the turn. Completes with `sent` or
   * `targetLost`.
   *
   * @param most the most bytes to send, for a rate limit; 0 for any number
   */
  send(most: number): void;
  /** Bytes for it that only our kernel has. */
  readonly unsent: number;
  /** Bytes of it that our kernel has and we have not received. */
  readonly unread: number;
  /** The other end's IP address (sockaddr); null if it is unavailable, as after a reset. */
  readonly otherAddress: Uint8Array | null;
  /** Our own address; null if it is unavailable. */
  readonly ownAddress: Uint8Array | null;
  /** Makes urgent bytes arrive in their place in the stream, unless they do already. */
  keepUrgentBytes(): void;
  /** Sends bytes at once, before all others. @returns whether the kernel took all of them */
  sendFirst(bytes: Uint8Array): boolean;
}

/** An end of a carrier whose operations complete one by one, even after it was told to close. */
export interface CompletingEnd extends End {
  /** Operations are in flight. */
  readonly isBusy: boolean;
  readonly isReceivePending: boolean;
  readonly isSendPending: boolean;
  /** Makes everything in flight complete soon. */
  cancel(): void;
  /** Sends FIN, after the last byte. */
  finish(): void;
  /**
   * Closes the connection. Nothing may be in flight. Its conduit hears when it is closed.
   *
   * @param isClean whether to send FIN and not RST
   */
  close(isClean: boolean): void;
}

/** The bytes of a lane, in order. They lie where the carrier has put them. */
export interface Queue {
  /** Bytes that are queued. */
  readonly size: number;
  /** How many of the bytes that were put into it last the carrier has room for. */
  readonly room: number;
  /** It wastes memory on few bytes: its source must not be read until it is {@link isRoomy}. */
  readonly isCrowded: boolean;
  readonly isRoomy: boolean;
  /** There is no memory for bytes of the source. */
  readonly isDry: boolean;
  /** Removes the first `size` bytes. */
  consume(size: number): void;
  /**
   * Bytes that were put into it last will stay for long: it copies them behind those before them if they
   * would take more memory than they need. Nothing is being sent.
   */
  settleDown(): void;
  /** Removes the last `size` bytes, which were just put into it. */
  cut(size: number): void;
  /** The bytes from `from` on, in place; valid until they are consumed. */
  views(from: number, size: number): Uint8Array[];
  /** Releases all memory. */
  clear(): void;
}
