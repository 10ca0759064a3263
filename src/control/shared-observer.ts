import type { EngineObserver, RelaySummary } from "../engine/engine.ts";
import type { MirrorDrop } from "../engine/mirror/reason.ts";
import type { Reason } from "../flow/reason.ts";

/**
 * What one of several workers tells, passed on as if they were one: a state that is bad for the first
 * of them begins, and for the last of them ends.
 */
export class SharedObserver implements EngineObserver {
  private poolIsEmpty = false;
  private acceptIsPaused = false;
  /** Only where the whole wants to know; see {@link EngineObserver}. */
  readonly relayStarted?: (relay: RelaySummary) => void;

  /** @param all the observers of all workers */
  constructor(
    private readonly whole: EngineObserver,
    private readonly all: () => readonly SharedObserver[],
  ) {
    if (whole.relayStarted !== undefined) {
      this.relayStarted = (relay) => whole.relayStarted?.(relay);
    }
  }

  relayEnded(relay: RelaySummary): void {
    this.whole.relayEnded(relay);
  }

  dialFailed(upstream: string, reason: Reason, detail: string, slot: number): void {
    this.whole.dialFailed(upstream, reason, detail, slot);
  }

  poolGrew(bytes: number): void {
    this.whole.poolGrew(bytes);
  }

  poolEmpty(): void {
    const isNews = !this.all().some((one) => one.poolIsEmpty);
    this.poolIsEmpty = true;
    if (isNews) this.whole.poolEmpty();
  }

  poolRefilled(): void {
    if (!this.poolIsEmpty) return;
    this.poolIsEmpty = false;
    if (!this.all().some((one) => one.poolIsEmpty)) this.whole.poolRefilled();
  }

  acceptPaused(cause: "descriptors" | "memory", relays: number): void {
    const isNews = !this.all().some((one) => one.acceptIsPaused);
    this.acceptIsPaused = true;
    if (isNews) this.whole.acceptPaused(cause, relays);
  }

  acceptResumed(): void {
    if (!this.acceptIsPaused) return;
    this.acceptIsPaused = false;
    if (!this.all().some((one) => one.acceptIsPaused)) this.whole.acceptResumed();
  }

  routeFailed(listener: string, why: string): void {
    this.whole.routeFailed?.(listener, why);
  }

  mirrorDropped(drop: MirrorDrop): void {
    this.whole.mirrorDropped?.(drop);
  }

  untold(error: string): void {
    this.whole.untold?.(error);
  }

  /** The worker is no more, and with it what was bad for it. */
  relieve(): void {
    this.poolRefilled();
    this.acceptResumed();
  }
}
