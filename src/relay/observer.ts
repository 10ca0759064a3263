import { stackOf } from "../base/stack.ts";
import type { EventName, Fields, ProxyEvent } from "./events.ts";

/**
 * Receives events, synchronously and rarely (never per byte). It must not throw and must not call
 * back into the code that reports them.
 */
export interface Observer {
  on(event: ProxyEvent): void;
  /** Whether to report `relayStarted` at all. Read when an engine is made. */
  readonly wantsStarts: boolean;
}

/** Handlers by the names of events. */
export type Handlers = { [Name in EventName]?: (event: Fields<Name>) => void };

/** An observer that calls a handler for each event that has one. */
export function hearing(handlers: Handlers): Observer {
  return {
    wantsStarts: handlers.relayStarted !== undefined,
    on(event) {
      const handler: ((event: never) => void) | undefined = handlers[event.event];
      handler?.call(handlers, event as never);
    },
  };
}

/**
 * Combines several observers: each receives every event, in their order.
 *
 * If one throws, the others still receive the event, and the engine does not notice: it must not
 * end relays because an event could not be logged. The error is reported as `untold`.
 */
export function together(observers: readonly Observer[]): Observer {
  let isFailing = false;
  const failed = (error: unknown) => {
    // An observer that fails on `untold`, too, is not reported again.
    if (isFailing) return;
    isFailing = true;
    on({ event: "untold", error: stackOf(error) });
    isFailing = false;
  };
  const on = (event: ProxyEvent) => {
    for (const one of observers) {
      try {
        one.on(event);
      } catch (error) {
        failed(error);
      }
    }
  };
  return { on, wantsStarts: observers.some(({ wantsStarts }) => wantsStarts) };
}
