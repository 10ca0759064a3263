import { type Numbers, sharedNumbers } from "./page.ts";

/** Counts receives and sends by their size in segments. */
export class Meter {
  /** `[n]`: receives that brought up to n segments' worth of bytes. */
  readonly receiveSegments: Numbers;
  /** `[n]`: sends that moved up to n segments' worth. */
  readonly sendSegments: Numbers;
  private readonly shift: number;
  private readonly mask: number;

  /**
   * @param segmentSize bytes of a segment, a power of two
   * @param max the most bytes that one receive or send moves
   */
  constructor(
    private readonly segmentSize: number,
    max: number,
  ) {
    this.shift = Math.log2(segmentSize);
    this.mask = segmentSize - 1;
    const buckets = Math.ceil(max / segmentSize) + 1;
    this.receiveSegments = sharedNumbers(buckets);
    this.sendSegments = sharedNumbers(buckets);
  }

  /** A receive brought `size` bytes. @returns whether that is less than a segment */
  received(size: number): boolean {
    (this.receiveSegments[(size + this.mask) >>> this.shift] as number)++;
    return size < this.segmentSize;
  }

  /** A target took `size` bytes at once. */
  sent(size: number): void {
    (this.sendSegments[(size + this.mask) >>> this.shift] as number)++;
  }
}
