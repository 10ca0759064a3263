/** What a thread has to do with a descriptor. */
enum State {
  /** It never had it. */
  None,
  /** It has it. */
  Held,
  /** The same of one that listens: what is set there all accepted ones inherit, and others have it, too. */
  Listens,
  /** It has prepared an operation that closes it. */
  Closing,
  /** It has closed it. */
  Closed,
}

/** Places of the words before those of the descriptors. */
enum Word {
  /** 1 while the ring is mapped. */
  HasRing,
  /** The ring's descriptor and 1; 0 when there is none. */
  RingDescriptor,
  /** The submission entry that the last entry to the kernel began with. */
  TurnBegan,
  /** See {@link RingLayout}. */
  SqHead,
  CqHead,
  CqTail,
  Cqes,
  CqMask,
  RingBytes,
  EntriesBytes,
  Size,
}

/** Where the mapped parts of a ring are, and in the first one its words and completions; bytes. */
export interface RingLayout {
  readonly ring: { readonly address: number; readonly bytes: number };
  readonly entries: { readonly address: number; readonly bytes: number };
  readonly sqHead: number;
  readonly cqHead: number;
  readonly cqTail: number;
  readonly cqes: number;
  readonly cqMask: number;
}

/** More descriptors than one process has, whatever its limit says (`nofile` may be a billion). */
const DESCRIPTORS_MAX = 1 << 20;
/** An operation that is further ahead than this was prepared before the counter has gone round. */
const AHEAD_MAX = 1 << 20;

const ADDRESSES_BYTES = 16;
/** A position and a state. */
const DESCRIPTOR_BYTES = 5;
const WORDS_BYTES = ADDRESSES_BYTES + Word.Size * 4;

/**
 * Memory for a {@link Held}, all of it empty; the system has none of it to give before it is written to.
 *
 * @param descriptors those from this number on are not written down
 */
export function heldMemory(descriptors = DESCRIPTORS_MAX): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS_BYTES + descriptors * DESCRIPTOR_BYTES);
}

/**
 * Which descriptors a thread has that are closed by nobody but itself. They are the process's: when the
 * thread has met a defect, or is no more, whoever cleans up behind it has to know which ones, whatever state
 * everything else is in. So it is written down in shared memory, with one or two stores for each.
 *
 * A descriptor is written down before anything else is done with it, and struck out before it is closed:
 * afterwards its number may be another thread's. Where the ring closes it the number of that entry says
 * whether the kernel has done so.
 *
 * Owner: the thread that writes; others read when it is over, but for what is handed over to it.
 */
export class Held {
  private readonly addresses: Float64Array;
  private readonly words: Int32Array;
  private readonly positions: Int32Array;
  private readonly states: Uint8Array;

  /** @param memory of another one, to look at the same; see {@link heldMemory} */
  constructor(readonly memory: SharedArrayBuffer) {
    const count = (memory.byteLength - WORDS_BYTES) / DESCRIPTOR_BYTES;
    this.addresses = new Float64Array(memory, 0, 2);
    this.words = new Int32Array(memory, ADDRESSES_BYTES, Word.Size);
    this.positions = new Int32Array(memory, WORDS_BYTES, count);
    this.states = new Uint8Array(memory, WORDS_BYTES + count * 4, count);
  }

  /** It is the thread's from now on. */
  took(descriptor: number): void {
    this.states[descriptor] = State.Held;
  }

  /** It is the thread's from now on, and listens. */
  tookListening(descriptor: number): void {
    this.states[descriptor] = State.Listens;
  }

  /** Whether a descriptor that is the thread's listens. */
  listens(descriptor: number): boolean {
    return this.states[descriptor] === State.Listens;
  }

  /** The submission entry of this number, which is prepared next, closes it. */
  closing(descriptor: number, entry: number): void {
    this.positions[descriptor] = entry;
    this.states[descriptor] = State.Closing;
  }

  /** It is about to be closed by a call. */
  closed(descriptor: number): void {
    this.states[descriptor] = State.Closed;
  }

  /**
   * Descriptors that are the thread's, each once; but for the ring's own, which goes last.
   *
   * @param submitted the number of the first submission entry that the kernel has not taken; null when
   *   it has taken all
   */
  *left(submitted: number | null): Iterable<number> {
    yield* this.all(State.Held);
    yield* this.all(State.Listens);
    if (submitted === null) return;
    for (const descriptor of this.all(State.Closing)) {
      const ahead = ((this.positions[descriptor] as number) - submitted) | 0;
      if (ahead >= 0 && ahead < AHEAD_MAX) yield descriptor;
    }
  }

  private *all(state: State): Iterable<number> {
    const { states } = this;
    for (let at = states.indexOf(state); at >= 0; at = states.indexOf(state, at + 1)) yield at;
  }

  /** Whether a descriptor that a completion has brought, and the kernel still shows, was taken. */
  hasSeen(descriptor: number): boolean {
    const state = this.states[descriptor];
    if (state !== State.Closing) return state !== State.None;
    // What was closed in an earlier turn is another one with the same number.
    const began = this.words[Word.TurnBegan] as number;
    return (((this.positions[descriptor] as number) - began) | 0) >= 0;
  }

  /** The thread enters the kernel, having prepared so many submission entries. */
  enters(entry: number): void {
    this.words[Word.TurnBegan] = entry;
  }

  /** There is a ring, which has this descriptor. */
  ringMade(descriptor: number): void {
    this.words[Word.RingDescriptor] = descriptor + 1;
  }

  /** Its descriptor is about to be closed. */
  ringGone(): void {
    this.words[Word.RingDescriptor] = 0;
  }

  /** The ring's descriptor; −1 when there is none. */
  get ringDescriptor(): number {
    return (this.words[Word.RingDescriptor] as number) - 1;
  }

  /** The ring is mapped. */
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

  /** Its memory is about to be given back. */
  ringClosed(): void {
    this.words[Word.HasRing] = 0;
  }

  /** The ring that is still mapped; null when there is none. */
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
