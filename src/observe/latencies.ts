import { assert } from "../assert.ts";
import type { Fields } from "../relay/events.ts";
import type { Handlers } from "../relay/observer.ts";

/** Half of the relays took at most p50 milliseconds, 99 of a hundred at most p99. */
export interface Percentiles {
  p50: number;
  p99: number;
}

/** How long clients waited for their upstream, of relays that ended a moment ago. */
export interface LatencyFigures {
  /** How many relays this is about; see {@link KEPT}. */
  relays: number;
  /** From the acceptance until an upstream answered; null when none of them had one. */
  dialMs: Percentiles | null;
  /** From the acceptance until the upstream's first byte; null when none of them had one. */
  firstByteMs: Percentiles | null;
}

/** The last so many relays are known; where more end within {@link SPAN_MS}, these stand for all. */
export const KEPT = 1_024;
/** Relays that ended longer ago are left out, in milliseconds. */
export const SPAN_MS = 10_000;

/**
 * The latencies of the relays that ended last, in a circle of fixed size: three numbers are written
 * for each, and only a question sorts them, so that it may be asked about any number of relays.
 *
 * Owner: the main thread.
 */
export class Latencies implements Handlers {
  private readonly endedAt = new Float64Array(KEPT).fill(Number.NEGATIVE_INFINITY);
  /** NaN where there was none. */
  private readonly dialMs = new Float64Array(KEPT);
  private readonly firstByteMs = new Float64Array(KEPT);
  private next = 0;

  /** @param now a clock in milliseconds that never goes back; for tests */
  constructor(private readonly now: () => number = () => performance.now()) {}

  relayEnded({ relay: { dialMs, firstByteMs } }: Fields<"relayEnded">): void {
    const place = this.next;
    this.endedAt[place] = this.now();
    this.dialMs[place] = dialMs ?? Number.NaN;
    this.firstByteMs[place] = firstByteMs ?? Number.NaN;
    this.next = place + 1 === KEPT ? 0 : place + 1;
  }

  /** The figures as of now. */
  figures(): LatencyFigures {
    const since = this.now() - SPAN_MS;
    const recent = (_: number, place: number) => (this.endedAt[place] ?? 0) >= since;
    return {
      relays: this.endedAt.filter(recent).length,
      dialMs: percentiles(this.dialMs.filter(recent)),
      firstByteMs: percentiles(this.firstByteMs.filter(recent)),
    };
  }
}

function percentiles(values: Float64Array): Percentiles | null {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) return null;
  return { p50: at(sorted, 50), p99: at(sorted, 99) };
}

/** The least value that so many percent of them do not exceed. */
function at(sorted: Float64Array, percent: number): number {
  const value = sorted[Math.ceil((percent / 100) * sorted.length) - 1];
  assert(value !== undefined, "latencies: there is a value for each percentile");
  return value;
}
