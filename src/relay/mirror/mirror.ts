import { type Clock, systemClock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import type { MirrorOptions } from "../../config/options.ts";
import type { MirrorAccount } from "./account.ts";

/** After a failed dial the mirror is not dialled for this long, doubled with each failure. */
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 10_000;

/** The part of a copy that the dial timeout uses. */
interface Dialing {
  dialTimedOut(): void;
}

/**
 * A listener's mirror: where copies of its relays go, and which relays are copied. Like other
 * settings of the listener it stays with the relays that began with it.
 *
 * An unreachable mirror is not dialled for each relay, but only after pauses that grow.
 */
export class Mirror {
  /** Copies whose mirror has not answered yet. */
  readonly dialing: Deadlines<Dialing>;
  private failures = 0;
  private pausedUntil = 0;

  /** @param connectTimeoutMs timeout of a dial, the same as to an upstream */
  constructor(
    readonly options: MirrorOptions,
    private readonly connectTimeoutMs: number,
    readonly account: MirrorAccount,
    private readonly clock: Clock = systemClock,
  ) {
    this.dialing = new Deadlines<Dialing>(connectTimeoutMs, (copy) => copy.dialTimedOut(), clock);
  }

  /** Whether it was made with these options. */
  hasOptions(options: MirrorOptions, connectTimeoutMs: number): boolean {
    return connectTimeoutMs === this.connectTimeoutMs && Bun.deepEquals(options, this.options);
  }

  /** Decides at random whether the next relay is copied. */
  get picks(): boolean {
    const { percent } = this.options;
    return percent === 100 || Math.random() * 100 < percent;
  }

  /** Whether it is not dialled for now. */
  get isPaused(): boolean {
    return this.failures > 0 && this.clock.now() < this.pausedUntil;
  }

  /** A dial has succeeded. */
  answered(): void {
    this.failures = 0;
  }

  /** A dial has failed. Dials that began together count once. */
  failed(): void {
    if (this.isPaused) return;
    const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** this.failures);
    this.failures++;
    this.pausedUntil = this.clock.now() + pauseMs;
  }
}
