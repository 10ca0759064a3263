/** What an upstream has sent so far, up to a limit. */
export class AnswerBuffer {
  private buffer = new Uint8Array(1_024);
  private size = 0;

  /** @param sizeMax bytes to keep at most; the rest is dropped */
  constructor(private readonly sizeMax: number) {}

  /** Everything kept so far: a view that is valid until the next {@link add}. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.size);
  }

  get isFull(): boolean {
    return this.size === this.sizeMax;
  }

  add(chunk: Uint8Array): void {
    const kept = chunk.subarray(0, this.sizeMax - this.size);
    const size = this.size + kept.length;
    if (size > this.buffer.length) {
      const larger = new Uint8Array(Math.min(this.sizeMax, Math.max(size, 2 * this.size)));
      larger.set(this.bytes);
      this.buffer = larger;
    }
    this.buffer.set(kept, this.size);
    this.size = size;
  }
}
