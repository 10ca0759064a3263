import type { DialFailure, RouteFailure, UpstreamEvent, WorkerFailure } from "../relay/events.ts";
import type { RelaySummary } from "../relay/ledger/stats.ts";
import type { MirrorDrop } from "../relay/mirror/reason.ts";
import { hearing, type Observer } from "../relay/observer.ts";

/**
 * A program's event handlers. They are called in the program's own thread, soon after the event;
 * with workers, ended relays come in groups every few milliseconds. If a handler throws, that is an
 * uncaught error of the program, which ends it unless the program handles those. The proxy itself
 * goes on.
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
  /** The pool is empty: reading and accepting wait for slow ends (true); or no longer. */
  memoryShort?(isShort: boolean): void;
  /** Accepting is paused because of `cause`; null once it goes on. */
  acceptingPaused?(cause: "descriptors" | "memory" | null): void;
}

/** An observer that passes a proxy's events on to a program's handlers. */
export function passedOnTo(handlers: ProxyEvents): Observer {
  const { on } = hearing({
    relayEnded: ({ relay }) => handlers.relayEnded?.(relay),
    dialFailed: ({ upstream, reason, detail }) =>
      handlers.dialFailed?.({ upstream, reason, detail }),
    routeFailed: (failure) => handlers.routeFailed?.(fieldsOf(failure)),
    mirrorDropped: (drop) => handlers.mirrorDropped?.(fieldsOf(drop)),
    workerFailed: (failure) => handlers.workerFailed?.(fieldsOf(failure)),
    upstreamChanged: (event) => handlers.upstreamChanged?.(fieldsOf(event)),
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

/** The fields of an event, without its name. */
function fieldsOf<Said extends object>(event: Said): Said {
  const { event: _, ...said } = event as Said & { readonly event?: string };
  return said as unknown as Said;
}
