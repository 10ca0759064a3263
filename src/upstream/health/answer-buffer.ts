/** What an upstream has said so far: bytes that are added to each other up to a limit. */
export class AnswerBuffer {
  private buffer = new Uint8Array(1_024);
  private size = 0;

  /** @param sizeMax most bytes that are kept; what comes beyond is dropped */
  constructor(private readonly sizeMax: number) {}

  /** All of it: a view that holds until the next {@link add}. */
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
