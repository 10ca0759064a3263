import { assert } from "../assert.ts";
import type { Fields } from "../relay/events.ts";
import type { Handlers } from "../relay/observer.ts";

/** Half of the relays took at most p50 milliseconds, 99 of a hundred at most p99. */
export interface Percentiles {
  p50: number;
  p99: number;
}

/** How long clients have waited for their upstream, for relays that ended recently. */
export interface LatencyFigures {
  /** How many relays the figures cover; see {@link KEPT}. */
  relays: number;
  /** From acceptance until an upstream answered; null if none of them had one. */
  dialMs: Percentiles | null;
  /** From acceptance until the upstream's first byte; null if none of them had one. */
  firstByteMs: Percentiles | null;
}

/** How many relays are kept; if more end within {@link SPAN_MS}, these stand for all. */
export const KEPT = 1_024;
/** Relays that ended more than this many milliseconds ago are left out. */
export const SPAN_MS = 10_000;

/**
 * The latencies of the relays that ended last, in a ring of fixed size. Each relay writes three
 * numbers; they are sorted only when the figures are read, so it costs little for any number of
 * relays.
 *
 * Owner: the main thread.
 */
export class Latencies implements Handlers {
  private readonly endedAt = new Float64Array(KEPT).fill(Number.NEGATIVE_INFINITY);
  /** NaN if there was none. */
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

/** The smallest value that at least this many percent of the values do not exceed. */
function at(sorted: Float64Array, percent: number): number {
  const value = sorted[Math.ceil((percent / 100) * sorted.length) - 1];
  assert(value !== undefined, "latencies: there is a value for each percentile");
  return value;
}
