import { stackOf } from "../base/stack.ts";
import type { EventName, Fields, ProxyEvent } from "./events.ts";

/**
 * Is told, synchronously and rarely (never per byte), what somebody may want to know. It must not throw
 * and must not call back into who tells.
 */
export interface Observer {
  on(event: ProxyEvent): void;
  /**
   * Whether it wants to know of `relayStarted`: when nobody does, nobody pays for it. Read when an engine is
   * made.
   */
  readonly wantsStarts: boolean;
}

/** What is to be done when something is told: by the names of events. */
export type Handlers = { [Name in EventName]?: (event: Fields<Name>) => void };

/** An observer that does what it has a handler for. */
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
 * Several observers as one, each of which is told everything, in their order.
 *
 * What one of them throws keeps no other from hearing and never gets to who tells: an engine is not to
 * end relays because nobody could write them down. It is told as `untold`.
 */
export function together(observers: readonly Observer[]): Observer {
  let isFailing = false;
  const failed = (error: unknown) => {
    // One that cannot even hear of that is left alone.
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
