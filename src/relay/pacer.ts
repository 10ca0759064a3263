import { type Clock, systemClock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import { Pace } from "../entry/limits/pace.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** After a rest a flow may move a quarter of a second's worth at once, within these bounds. */
const BURSTS_PER_SECOND = 4;
const BURST_MIN = 16 * KIB;
const BURST_MAX = 4 * MIB;
/** A flow without credit waits for a fiftieth of a second's worth, but at least this. */
const CHUNKS_PER_SECOND = 50;
const CHUNK_MIN = KIB;
/** A chunk is a small part of a burst, so that a late timer loses no credit. */
const CHUNKS_PER_BURST = 4;

/**
 * The rate limit of each relay of a listener in one direction. A flow without credit rests for the
 * time of one chunk. That time is the same for all flows, so one alarm serves any number of them.
 *
 * Owner: a listener.
 */
export class Pacer {
  private readonly burstBytes: number;
  private readonly chunkBytes: number;
  private readonly resting: Deadlines<Pacing>;

  /** @param bytesPerSecond in the long run, 1 KiB…1 GiB */
  constructor(
    private readonly bytesPerSecond: number,
    private readonly clock: Clock = systemClock,
  ) {
    const burst = Math.floor(bytesPerSecond / BURSTS_PER_SECOND);
    this.burstBytes = Math.min(BURST_MAX, Math.max(BURST_MIN, burst));
    const chunk = Math.floor(bytesPerSecond / CHUNKS_PER_SECOND);
    const chunkMax = this.burstBytes / CHUNKS_PER_BURST;
    this.chunkBytes = Math.min(chunkMax, Math.max(CHUNK_MIN, chunk));
    // Rounded up: a rest that is slightly too short would be followed by another whole one.
    const spanMs = Math.floor((this.chunkBytes * 1_000) / bytesPerSecond) + 1;
    this.resting = new Deadlines<Pacing>(spanMs, (one) => one.wake(), clock);
  }

  /** The pacer for a rate of the configuration; null for 0, which is no limit. */
  static of(bytesPerSecond: number, clock?: Clock): Pacer | null {
    return bytesPerSecond === 0 ? null : new Pacer(bytesPerSecond, clock);
  }

  /** A flow begins. @param onRested called at the end of each rest */
  begin(onRested: () => void): Pacing {
    const { bytesPerSecond, burstBytes, chunkBytes } = this;
    const pace = new Pace({ bytesPerSecond, burstBytes, chunkBytes });
    return new Pacing(pace, this.resting, this.clock, onRested);
  }
}

/** The rate limit of one flow. Owner: its lane, which ends it. */
export class Pacing {
  /** It has no credit and waits. */
  isResting = false;

  constructor(
    private readonly pace: Pace,
    private readonly row: Deadlines<Pacing>,
    private readonly clock: Clock,
    private readonly onRested: () => void,
  ) {}

  /** Bytes that may move now. If they are too few, a rest begins and it returns 0. */
  allowance(): number {
    if (this.isResting) return 0;
    const now = this.clock.now();
    if (this.pace.waitMs(now) === 0) return this.pace.allowance(now);
    this.isResting = true;
    this.row.add(this);
    return 0;
  }

  /** Bytes have moved. More than the allowance becomes a debt. */
  used(bytes: number): void {
    this.pace.used(bytes, this.clock.now());
  }

  /** The time of the rest is over. */
  wake(): void {
    if (this.pace.waitMs(this.clock.now()) > 0) {
      // It is still in debt.
      this.row.add(this);
      return;
    }
    this.isResting = false;
    this.onRested();
  }

  /** The flow is over, or its limit is lifted: `onRested` is not called again. */
  end(): void {
    this.isResting = false;
    this.row.delete(this);
  }
}
