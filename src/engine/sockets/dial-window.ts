const WITHIN = 0;
const BEGUN = 1;

/** Memory by which the windows of several threads know of each other. */
export function dialWindowMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
}

/**
 * The moment in which a dial opens its socket, from the guess of its descriptor until its connect(2).
 * When another thread has such a moment at the same time, the guess may be the other's socket, and to
 * end the attempt would end that one.
 *
 * What is opened otherwise (clients that are accepted, files) is told apart as no attempt.
 *
 * Owner: a dialer; one at a time. Whoever begins has to end it, whatever happens between.
 */
export class DialWindow {
  private readonly words: Int32Array;
  private turn = 0;
  private wasAlone = false;

  /** @param memory that of all threads that dial; without it there is no other one */
  constructor(memory: SharedArrayBuffer = dialWindowMemory()) {
    this.words = new Int32Array(memory);
  }

  begin(): void {
    this.wasAlone = Atomics.add(this.words, WITHIN, 1) === 0;
    this.turn = Atomics.add(this.words, BEGUN, 1);
  }

  /** @returns whether no other thread was within it meanwhile */
  end(): boolean {
    const begun = Atomics.load(this.words, BEGUN);
    Atomics.sub(this.words, WITHIN, 1);
    return this.wasAlone && begun === ((this.turn + 1) | 0);
  }
}
