import { CHUNK_MAX } from "./bun-socket.ts";

/** Counts what an engine does, beside what each flow counts of itself. Two additions per event. */
export class Meter {
  /** Events of all turns. */
  events = 0;
  /** Passes of the loop that had events. */
  turns = 0;
  /** `[n]`: receives that brought up to n segments' worth of bytes. */
  readonly receiveSegments: Float64Array;
  /** `[n]`: sends of which the target took up to n segments' worth. */
  readonly sendSegments: Float64Array;
  private inTurn = false;
  private readonly shift: number;
  private readonly mask: number;
  private readonly endTurn = () => {
    this.inTurn = false;
  };

  /** @param segmentSize bytes of a segment, a power of two */
  constructor(private readonly segmentSize: number) {
    this.shift = Math.log2(segmentSize);
    this.mask = segmentSize - 1;
    const buckets = Math.ceil(CHUNK_MAX / segmentSize) + 1;
    this.receiveSegments = new Float64Array(buckets);
    this.sendSegments = new Float64Array(buckets);
  }

  /** Something happened on a socket or a listener. */
  event(): void {
    this.events++;
    if (this.inTurn) return;
    this.inTurn = true;
    this.turns++;
    setImmediate(this.endTurn);
  }

  /** A receive brought `size` bytes. @returns whether that is less than one segment */
  received(size: number): boolean {
    this.event();
    (this.receiveSegments[(size + this.mask) >>> this.shift] as number)++;
    return size < this.segmentSize;
  }

  /** A target took `size` bytes at once. */
  sent(size: number): void {
    (this.sendSegments[(size + this.mask) >>> this.shift] as number)++;
  }
}
