import { type Clock, systemClock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import { Pace } from "../entry/limits/pace.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** After a rest a flow may move a quarter of a second's worth at once, within these bounds. */
const BURSTS_PER_SECOND = 4;
const BURST_MIN = 16 * KIB;
const BURST_MAX = 4 * MIB;
/** A flow that has moved all it may waits for a fiftieth of a second's worth, at least this. */
const CHUNKS_PER_SECOND = 50;
const CHUNK_MIN = KIB;
/** A chunk is a small part of a burst, or what comes while a timer is late would be lost. */
const CHUNKS_PER_BURST = 4;

/**
 * How fast each relay of a listener may carry bytes in one direction. Whoever has carried all it may
 * rests for as long as a chunk takes to come: that span is the same for all of them, so that one
 * alarm is enough, whatever their number.
 *
 * Owner: a listener.
 */
export class Pacer {
  private readonly burstBytes: number;
  private readonly chunkBytes: number;
  private readonly resting: Deadlines<Pacing>;

  /**
   * @param bytesPerSecond in the long run, 1 KiB…1 GiB
   * @param clock its time
   */
  constructor(
    private readonly bytesPerSecond: number,
    private readonly clock: Clock = systemClock,
  ) {
    const burst = Math.floor(bytesPerSecond / BURSTS_PER_SECOND);
    this.burstBytes = Math.min(BURST_MAX, Math.max(BURST_MIN, burst));
    const chunk = Math.floor(bytesPerSecond / CHUNKS_PER_SECOND);
    const chunkMax = this.burstBytes / CHUNKS_PER_BURST;
    this.chunkBytes = Math.min(chunkMax, Math.max(CHUNK_MIN, chunk));
    // Always some more than it takes: a hair too little would cost a whole rest more.
    const spanMs = Math.floor((this.chunkBytes * 1_000) / bytesPerSecond) + 1;
    this.resting = new Deadlines<Pacing>(spanMs, (one) => one.wake(), clock);
  }

  /** The pacer for a rate of the configuration: null for 0, which is none. */
  static of(bytesPerSecond: number, clock?: Clock): Pacer | null {
    return bytesPerSecond === 0 ? null : new Pacer(bytesPerSecond, clock);
  }

  /** A flow begins. @param onRested called whenever a rest of it is over */
  begin(onRested: () => void): Pacing {
    const { bytesPerSecond, burstBytes, chunkBytes } = this;
    const pace = new Pace({ bytesPerSecond, burstBytes, chunkBytes });
    return new Pacing(pace, this.resting, this.clock, onRested);
  }
}

/** The pace of one flow, and its rests. Owner: its lane, which ends it. */
export class Pacing {
  /** It has carried all it may, and waits. */
  isResting = false;

  constructor(
    private readonly pace: Pace,
    private readonly row: Deadlines<Pacing>,
    private readonly clock: Clock,
    private readonly onRested: () => void,
  ) {}

  /**
   * Bytes that may be carried now. When they are too few to be worth it, it rests from now on and
   * they are 0, until it says that the rest is over.
   */
  allowance(): number {
    if (this.isResting) return 0;
    const now = this.clock.now();
    if (this.pace.waitMs(now) === 0) return this.pace.allowance(now);
    this.isResting = true;
    this.row.add(this);
    return 0;
  }

  /** So many bytes were carried. More than the allowance is owed. */
  used(bytes: number): void {
    this.pace.used(bytes, this.clock.now());
  }

  /** The time of its rest is over. */
  wake(): void {
    if (this.pace.waitMs(this.clock.now()) > 0) {
      // It had carried more than it might.
      this.row.add(this);
      return;
    }
    this.isResting = false;
    this.onRested();
  }

  /** The flow is over, or its pace does not matter any more: nothing is called from now on. */
  end(): void {
    this.isResting = false;
    this.row.delete(this);
  }
}
