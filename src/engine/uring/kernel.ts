/**
 * The part of an io_uring that the loop uses: the two queues, and the rings of provided buffers.
 * The real one is {@link Queue}; tests use a fake kernel that fails in every way that the real one
 * may.
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
   * Takes the next submission entry, zeroed. If the queue is full, it is submitted first.
   *
   * @returns the index of its first word in {@link sqes}
   */
  entry(): number;
  /**
   * Submits all prepared entries and waits for completions.
   *
   * @param wait how many to wait for; 0 does not wait
   * @param minWaitMicros after this long one is enough, if the kernel supports that; 0: no such
   *   bound
   * @param timeoutMicros after this long none is needed; Infinity: no timeout
   * @returns 0 or a negated errno. EINTR and ETIME are not failures; after EBUSY take completions
   *   first.
   */
  enter(wait: number, minWaitMicros: number, timeoutMicros: number): number;
  /** The index of the next completion's first word in {@link cqes}; −1 if there is none. */
  completion(): number;
  readonly hasCompletions: boolean;
  /** There are completions, or the next {@link enter} has some without waiting. */
  readonly hasNews: boolean;
  /** Lets other threads run that wait for this processor. */
  yield(): void;
  /** Completions wait in the kernel for room, so not all have been seen. */
  readonly isOverflown: boolean;
  /** Entries that are prepared but not submitted. */
  readonly unsubmitted: number;
  /** The number of the next entry; it wraps at 2³². */
  readonly nextEntry: number;
  readonly submissions: number;
  /** How often the completion queue was full, so that completions had to wait in the kernel. */
  readonly overflows: number;
  /**
   * Registers a ring of provided buffers.
   *
   * @param address of its entries, on a page boundary
   * @param entries how many, a power of two
   * @returns 0 or a negated errno
   */
  registerBuffers(group: number, address: number, entries: number, flags: number): number;
  /** Removes a group's ring. @returns 0 or a negated errno */
  unregisterBuffers(group: number): number;
  /** Creates a table of `count` empty places for descriptors. @returns 0 or a negated errno */
  registerFiles(count: number): number;
  /** Closes the ring; nothing may be in flight. */
  close(): void;
}

/** System calls beside the ring for single sockets; all return 0 or −errno. */
export interface Sockets {
  /** The peer's address, in bytes of its own; null if there is no peer any more. */
  otherAddress(descriptor: number): Uint8Array | null;
  /** The socket's own address, in bytes of its own; null if it is gone. */
  ownAddress(descriptor: number): Uint8Array | null;
  /** Whether a connection has dialled itself: its own address is the dialled one. */
  meetsItself(descriptor: number, dialled: Uint8Array): boolean;
  /** Makes a socket dial from this address; connecting picks the port. */
  comeFrom(descriptor: number, address: Uint8Array): number;
  /** Sends without waiting. @returns how many bytes were taken */
  sendNow(descriptor: number, bytes: Uint8Array): number;
  /** Sends FIN. */
  endSending(descriptor: number): number;
  /** Makes the next close a reset (RST). */
  resetOnClose(descriptor: number): number;
  /** Bytes that the peer has not acknowledged. */
  unsentBytes(descriptor: number): number;
  /** Bytes that have arrived but were not received. */
  unreadBytes(descriptor: number): number;
  /** Sets how many connections may wait at this listening descriptor. */
  queueUpTo(descriptor: number, backlog: number): void;
  /** Makes {@link acceptNow} on this listening descriptor non-blocking. */
  stopWaiting(descriptor: number): void;
  /** Accepts one waiting connection, or returns −EAGAIN. */
  acceptNow(descriptor: number): number;
  /** Closes a descriptor that no operation uses, at once. */
  closeNow(descriptor: number): void;
}
