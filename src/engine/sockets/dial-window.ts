const WITHIN = 0;
const BEGUN = 1;

/** Memory that the dial windows of several threads share. */
export function dialWindowMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
}

/**
 * The moment in which a dial opens its socket: from the guess of its descriptor until connect(2).
 * If another thread dials in the same moment, the guess may be that thread's socket, and ending the
 * attempt would end the wrong one. Other descriptors (accepted clients, files) cannot be mistaken
 * for an attempt.
 *
 * Owner: a dialer, one at a time. Each `begin` needs an `end`, even if the code between throws.
 */
export class DialWindow {
  private readonly words: Int32Array;
  private turn = 0;
  private wasAlone = false;

  /** @param memory shared by all threads that dial; not needed if there is only one */
  constructor(memory: SharedArrayBuffer = dialWindowMemory()) {
    this.words = new Int32Array(memory);
  }

  /** The socket is about to be opened. */
  begin(): void {
    this.wasAlone = Atomics.add(this.words, WITHIN, 1) === 0;
    this.turn = Atomics.add(this.words, BEGUN, 1);
  }

  /** @returns whether no other thread has dialled meanwhile */
  end(): boolean {
    const begun = Atomics.load(this.words, BEGUN);
    Atomics.sub(this.words, WITHIN, 1);
    return this.wasAlone && begun === ((this.turn + 1) | 0);
  }
}
