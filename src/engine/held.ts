/** The state of a descriptor in a thread. */
enum State {
  /** The thread never had it. */
  None,
  /** The thread has it. */
  Held,
  /** It has it, and it listens: accepted sockets inherit its options, and others may have it. */
  Listens,
  /** The thread has prepared an operation that closes it. */
  Closing,
  /** The thread has closed it. */
  Closed,
}

/** Indexes of the words that precede those of the descriptors. */
enum Word {
  /** 1 while the ring is mapped. */
  HasRing,
  /** The ring's descriptor plus 1; 0 if there is none. */
  RingDescriptor,
  /** The first submission entry of the turn. */
  TurnBegan,
  SqHead,
  CqHead,
  CqTail,
  Cqes,
  CqMask,
  RingBytes,
  EntriesBytes,
  Size,
}

/** Where the mapped parts of a ring are, and offsets within the first one, in bytes. */
export interface RingLayout {
  readonly ring: { readonly address: number; readonly bytes: number };
  readonly entries: { readonly address: number; readonly bytes: number };
  readonly sqHead: number;
  readonly cqHead: number;
  readonly cqTail: number;
  readonly cqes: number;
  readonly cqMask: number;
}

/** More descriptors than a process has in practice (`nofile` may be a billion). */
const DESCRIPTORS_MAX = 1 << 20;
/**
 * The most entries of a ring (IORING_MAX_ENTRIES). An operation further ahead than this was
 * prepared before the counter wrapped, and its descriptor may belong to anything by now.
 */
const AHEAD_MAX = 32_768;

const ADDRESSES_BYTES = 16;
/** A position and a state, in bytes. */
const DESCRIPTOR_BYTES = 5;
const WORDS_BYTES = ADDRESSES_BYTES + Word.Size * 4;

/**
 * Empty memory for a {@link Held}. The system provides it only as it is written to.
 *
 * @param descriptors descriptors from this number on are not noted
 */
export function heldMemory(descriptors = DESCRIPTORS_MAX): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS_BYTES + descriptors * DESCRIPTOR_BYTES);
}

/**
 * The descriptors of a thread that nothing but the thread closes. Descriptors belong to the
 * process: when the thread has met a defect or has died, the clean-up must know which ones it had,
 * whatever state everything else is in. So the thread notes them in shared memory, with one or two
 * stores each.
 *
 * A descriptor is noted before it is used and struck out before it is closed, because afterwards
 * another thread may get its number. If the ring closes it, the number of the entry tells whether
 * the kernel has done so.
 *
 * Owner: the thread writes; others read once it is over. Only descriptors that are handed over to
 * the thread are noted by others.
 */
export class Held {
  private readonly addresses: Float64Array;
  private readonly words: Int32Array;
  private readonly positions: Int32Array;
  private readonly states: Uint8Array;

  /** @param memory from {@link heldMemory}; may be shared with another instance */
  constructor(readonly memory: SharedArrayBuffer) {
    const count = (memory.byteLength - WORDS_BYTES) / DESCRIPTOR_BYTES;
    this.addresses = new Float64Array(memory, 0, 2);
    this.words = new Int32Array(memory, ADDRESSES_BYTES, Word.Size);
    this.positions = new Int32Array(memory, WORDS_BYTES, count);
    this.states = new Uint8Array(memory, WORDS_BYTES + count * 4, count);
  }

  /** The thread owns a descriptor from now on. */
  took(descriptor: number): void {
    this.states[descriptor] = State.Held;
  }

  /** The thread owns a listening descriptor from now on. */
  tookListening(descriptor: number): void {
    this.states[descriptor] = State.Listens;
  }

  /** Whether a descriptor of the thread listens. */
  listens(descriptor: number): boolean {
    return this.states[descriptor] === State.Listens;
  }

  /** The submission entry with this number, which is prepared next, closes the descriptor. */
  closing(descriptor: number, entry: number): void {
    this.positions[descriptor] = entry;
    this.states[descriptor] = State.Closing;
  }

  /** A call is about to close the descriptor. */
  closed(descriptor: number): void {
    this.states[descriptor] = State.Closed;
  }

  /**
   * The thread's descriptors, each once, except the ring's own, which must be closed last.
   *
   * @param submitted the first submission entry that the kernel has not taken; null if it has taken
   *   all
   */
  *left(submitted: number | null): Iterable<number> {
    yield* this.all(State.Held);
    yield* this.all(State.Listens);
    if (submitted === null) return;
    for (const descriptor of this.all(State.Closing)) {
      const ahead = ((this.positions[descriptor] as number) - submitted) | 0;
      if (ahead >= 0 && ahead <= AHEAD_MAX) yield descriptor;
    }
  }

  private *all(state: State): Iterable<number> {
    const { states } = this;
    for (let at = states.indexOf(state); at >= 0; at = states.indexOf(state, at + 1)) yield at;
  }

  /** Whether the thread has noted a descriptor from a completion that the kernel still shows. */
  hasSeen(descriptor: number): boolean {
    const state = this.states[descriptor];
    if (state !== State.Closing) return state !== State.None;
    // If it was closed in an earlier turn, this is another descriptor with the same number.
    const began = this.words[Word.TurnBegan] as number;
    return (((this.positions[descriptor] as number) - began) | 0) >= 0;
  }

  /** The thread enters the kernel. @param entry number of submission entries prepared so far */
  enters(entry: number): void {
    this.words[Word.TurnBegan] = entry;
  }

  /** The ring was made. */
  ringMade(descriptor: number): void {
    this.words[Word.RingDescriptor] = descriptor + 1;
  }

  /** The ring's descriptor is about to be closed. */
  ringGone(): void {
    this.words[Word.RingDescriptor] = 0;
  }

  /** The ring's descriptor; −1 if there is none. */
  get ringDescriptor(): number {
    return (this.words[Word.RingDescriptor] as number) - 1;
  }

  /** The ring was mapped. */
  ringOpened({ ring, entries, sqHead, cqHead, cqTail, cqes, cqMask }: RingLayout): void {
    const { words } = this;
    this.addresses.set([ring.address, entries.address]);
    words[Word.SqHead] = sqHead;
    words[Word.CqHead] = cqHead;
    words[Word.CqTail] = cqTail;
    words[Word.Cqes] = cqes;
    words[Word.CqMask] = cqMask;
    words[Word.RingBytes] = ring.bytes;
    words[Word.EntriesBytes] = entries.bytes;
    words[Word.HasRing] = 1;
  }

  /** The ring is about to be unmapped. */
  ringClosed(): void {
    this.words[Word.HasRing] = 0;
  }

  /** The ring that is still mapped; null if there is none. */
  get ring(): RingLayout | null {
    const { words } = this;
    const word = (which: Word) => words[which] as number;
    if (word(Word.HasRing) === 0) return null;
    const [ring = 0, entries = 0] = this.addresses;
    return {
      ring: { address: ring, bytes: word(Word.RingBytes) },
      entries: { address: entries, bytes: word(Word.EntriesBytes) },
      sqHead: word(Word.SqHead),
      cqHead: word(Word.CqHead),
      cqTail: word(Word.CqTail),
      cqes: word(Word.Cqes),
      cqMask: word(Word.CqMask),
    };
  }
}
