import { type Clock, systemClock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import type { MirrorOptions } from "../../config/options.ts";
import type { MirrorAccount } from "./account.ts";

/** After a failed dial the mirror is left alone for so long, twice as long after each further one. */
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 10_000;

/** What of a copy the time of its dial needs. */
interface Dialing {
  /** The mirror has not answered in time. */
  dialTimedOut(): void;
}

/**
 * A listener's mirror: where copies of its relays go, and which relays are copied. Like the listener's
 * other settings it stays with the relays that began with it.
 *
 * A mirror that cannot be reached costs no dial for each relay: it is left alone for a while that grows.
 */
export class Mirror {
  /** Copies whose mirror has not answered yet. */
  readonly dialing: Deadlines<Dialing>;
  private failures = 0;
  private pausedUntil = 0;

  /** @param connectTimeoutMs a dial is given up after this, as that to an upstream is */
  constructor(
    readonly options: MirrorOptions,
    private readonly connectTimeoutMs: number,
    readonly account: MirrorAccount,
    private readonly clock: Clock = systemClock,
  ) {
    this.dialing = new Deadlines<Dialing>(connectTimeoutMs, (copy) => copy.dialTimedOut(), clock);
  }

  /** Whether one with these options would be the same. */
  hasOptions(options: MirrorOptions, connectTimeoutMs: number): boolean {
    return connectTimeoutMs === this.connectTimeoutMs && Bun.deepEquals(options, this.options);
  }

  /** Whether the relay that begins now is one of those that are copied. */
  get picks(): boolean {
    const { percent } = this.options;
    return percent === 100 || Math.random() * 100 < percent;
  }

  /** It is left alone for now. */
  get isPaused(): boolean {
    return this.failures > 0 && this.clock.now() < this.pausedUntil;
  }

  /** It has answered a dial. */
  answered(): void {
    this.failures = 0;
  }

  /** It has not. Dials that had begun together count once. */
  failed(): void {
    if (this.isPaused) return;
    const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** this.failures);
    this.failures++;
    this.pausedUntil = this.clock.now() + pauseMs;
  }
}
