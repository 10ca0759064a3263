import type { ProxyObserver, RelaySummary } from "../engine/engine.ts";
import type { MirrorDrop } from "../engine/mirror/reason.ts";
import type { Reason } from "../flow/reason.ts";
import type { UpstreamEvent } from "../upstream/events.ts";

/** A dial that failed; its relay may go on with another upstream. */
export interface DialFailure {
  /** As it was configured. */
  readonly upstream: string;
  readonly reason: Reason;
  /** The system's own word, such as ECONNREFUSED; may be empty. */
  readonly detail: string;
}

/** A route function that has failed for a connection: it threw, was late or answered nonsense. */
export interface RouteFailure {
  /** Its listener's name, or else the address that it accepts on. */
  readonly listener: string;
  /** In a few words, with what it threw. */
  readonly why: string;
}

/** A worker that has met a defect. */
export interface WorkerFailure {
  /** 1, 2, 3… */
  readonly worker: number;
  /** With its stack. */
  readonly error: string;
  /** Relays of it that ended (`worker_failed`). */
  readonly relays: number;
  /** Milliseconds until another one takes its place. */
  readonly replacedAfterMs: number;
}

/**
 * What a program may want to hear. Called in the program's own thread, soon after it has happened;
 * with workers, relays that end are told in groups every few milliseconds. What a handler throws is
 * an uncaught error of the program, which ends by it unless it handles those; the proxy goes on.
 */
export interface ProxyEvents {
  relayEnded?(relay: RelaySummary): void;
  dialFailed?(failure: DialFailure): void;
  routeFailed?(failure: RouteFailure): void;
  /** The copy of a relay to a mirror was given up. */
  mirrorDropped?(drop: MirrorDrop): void;
  workerFailed?(failure: WorkerFailure): void;
  /** An upstream is down, ejected after failed dials, or up again. */
  upstreamChanged?(event: UpstreamEvent): void;
  /** The pool is empty (true): reading and accepting wait for slow ends; or is not any more. */
  memoryShort?(isShort: boolean): void;
  /** Accepting is paused, because of `cause`; null when it goes on. */
  acceptingPaused?(cause: "descriptors" | "memory" | null): void;
}

/** Passes on what a proxy tells to a program's handlers. */
export class Events implements ProxyObserver {
  constructor(private readonly handlers: ProxyEvents) {}

  relayEnded(relay: RelaySummary): void {
    if (this.handlers.relayEnded !== undefined) {
      this.call(() => this.handlers.relayEnded?.(relay));
    }
  }
  dialFailed(upstream: string, reason: Reason, detail: string): void {
    this.call(() => this.handlers.dialFailed?.({ upstream, reason, detail }));
  }
  routeFailed(listener: string, why: string): void {
    this.call(() => this.handlers.routeFailed?.({ listener, why }));
  }
  mirrorDropped(drop: MirrorDrop): void {
    this.call(() => this.handlers.mirrorDropped?.(drop));
  }
  workerFailed(worker: number, error: string, relays: number, replacedAfterMs: number): void {
    this.call(() => this.handlers.workerFailed?.({ worker, error, relays, replacedAfterMs }));
  }
  upstreamChanged(event: UpstreamEvent): void {
    this.call(() => this.handlers.upstreamChanged?.(event));
  }
  poolGrew(): void {}
  poolEmpty(): void {
    this.call(() => this.handlers.memoryShort?.(true));
  }
  poolRefilled(): void {
    this.call(() => this.handlers.memoryShort?.(false));
  }
  acceptPaused(cause: "descriptors" | "memory"): void {
    this.call(() => this.handlers.acceptingPaused?.(cause));
  }
  acceptResumed(): void {
    this.call(() => this.handlers.acceptingPaused?.(null));
  }

  private call(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
