/**
 * What the loop needs of an io_uring: the two queues, and the rings of provided buffers. The real
 * one is {@link Queue}; tests put a fake kernel here that fails in every way that the real one may.
 *
 *     entry() ─► fill sqes[at…at+15] ─► enter(…) ─► completion() ─► read cqes[at…at+3] ─► …
 */
export interface Kernel {
  /** All submission entries, as words; see {@link SqeWord}. */
  readonly sqes: Uint32Array;
  /** All completion entries, as words; see {@link CqeWord}. `cqeResults` is the same, signed. */
  readonly cqes: Uint32Array;
  readonly cqeResults: Int32Array;
  /**
   * Takes the next submission entry, empty. When the queue is full, what is in it is submitted first.
   *
   * @returns the index of its first word in {@link sqes}
   */
  entry(): number;
  /**
   * Submits what was prepared and waits for completions.
   *
   * @param wait how many; 0 does not wait
   * @param minWaitMicros after so long one is enough, where the kernel knows that; 0 for no such bound
   * @param timeoutMicros after so long none is needed; Infinity waits for ever
   * @returns 0, or a negated errno: EINTR and ETIME are no failures, EBUSY asks to take completions
   */
  enter(wait: number, minWaitMicros: number, timeoutMicros: number): number;
  /** The index of the next completion's first word in {@link cqes}, or −1 when there is none. */
  completion(): number;
  /** There are completions to take. */
  readonly hasCompletions: boolean;
  /** There are, or the next {@link enter} makes some, without a wait. */
  readonly hasNews: boolean;
  /** Lets other threads run that wait for this processor. */
  yield(): void;
  /** Completions wait in the kernel, as there was no room for them: not all have been seen. */
  readonly isOverflown: boolean;
  /** Entries that were prepared and not submitted yet. */
  readonly unsubmitted: number;
  /** The number of the entry that is prepared next; it counts without end and wraps at 2³². */
  readonly nextEntry: number;
  /** Entries that were submitted. */
  readonly submissions: number;
  /** Times the completion queue was full, so that completions had to wait in the kernel. */
  readonly overflows: number;
  /**
   * Registers a ring of provided buffers.
   *
   * @param address of its entries, on a page boundary
   * @param entries how many, a power of two
   * @returns 0 or a negated errno
   */
  registerBuffers(group: number, address: number, entries: number, flags: number): number;
  /** Takes a group's ring away. @returns 0 or a negated errno */
  unregisterBuffers(group: number): number;
  /** Makes a table of `count` empty places for descriptors. @returns 0 or a negated errno */
  registerFiles(count: number): number;
  /** Ends the ring; nothing may be in flight. */
  close(): void;
}

/** The calls beside the ring that the loop makes for single sockets; all answer 0 or −errno. */
export interface Sockets {
  /** The address of a connected socket's other end, in bytes of its own; null when it is gone. */
  otherAddress(descriptor: number): Uint8Array | null;
  /** The address of a socket's own end, in bytes of its own; null when it is gone. */
  ownAddress(descriptor: number): Uint8Array | null;
  /** Whether a connection's own end is the one that was dialled, and nobody is there. */
  meetsItself(descriptor: number, dialled: Uint8Array): boolean;
  /** A socket that is to connect comes from this address, at a port that connecting picks. */
  comeFrom(descriptor: number, address: Uint8Array): number;
  /** Sends without waiting. @returns how many bytes were taken */
  sendNow(descriptor: number, bytes: Uint8Array): number;
  /** FIN. */
  endSending(descriptor: number): number;
  /** Makes the coming close a reset (RST). */
  resetOnClose(descriptor: number): number;
  /** Bytes that the other end has not acknowledged. */
  unsentBytes(descriptor: number): number;
  /** Bytes that were not received yet. */
  unreadBytes(descriptor: number): number;
  /** So many connections may wait at this listening descriptor from now on. */
  queueUpTo(descriptor: number, backlog: number): void;
  /** {@link acceptNow} on this listening descriptor does not wait from now on. */
  stopWaiting(descriptor: number): void;
  /** Accepts one waiting connection, or answers −EAGAIN. */
  acceptNow(descriptor: number): number;
  /** Closes at once, for descriptors that no operation uses. */
  closeNow(descriptor: number): void;
}
