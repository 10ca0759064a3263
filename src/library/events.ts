import type { DialFailure, RouteFailure, UpstreamEvent, WorkerFailure } from "../relay/events.ts";
import type { RelaySummary } from "../relay/ledger/stats.ts";
import type { MirrorDrop } from "../relay/mirror/reason.ts";
import { hearing, type Observer } from "../relay/observer.ts";

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
export function passedOnTo(handlers: ProxyEvents): Observer {
  const { on } = hearing({
    relayEnded: ({ relay }) => handlers.relayEnded?.(relay),
    dialFailed: ({ upstream, reason, detail }) =>
      handlers.dialFailed?.({ upstream, reason, detail }),
    routeFailed: (failure) => handlers.routeFailed?.(whatIsSaid(failure)),
    mirrorDropped: (drop) => handlers.mirrorDropped?.(whatIsSaid(drop)),
    workerFailed: (failure) => handlers.workerFailed?.(whatIsSaid(failure)),
    upstreamChanged: (event) => handlers.upstreamChanged?.(whatIsSaid(event)),
    poolEmpty: () => handlers.memoryShort?.(true),
    poolRefilled: () => handlers.memoryShort?.(false),
    acceptPaused: ({ cause }) => handlers.acceptingPaused?.(cause),
    acceptResumed: () => handlers.acceptingPaused?.(null),
  });
  return {
    wantsStarts: false,
    on(event) {
      try {
        on(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    },
  };
}

/** What an event says, without its name. */
function whatIsSaid<Said extends object>(event: Said): Said {
  const { event: _, ...said } = event as Said & { readonly event?: string };
  return said as unknown as Said;
}
