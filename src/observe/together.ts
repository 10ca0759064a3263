import type { ProxyObserver } from "../engine/engine.ts";
import { stackOf } from "../engine/thread/stack.ts";

/**
 * Several observers as one; each is told what it wants to know, in their order. The result wants to
 * know of starts only when one of them does.
 *
 * What one of them throws keeps no other from hearing and never gets to who tells: an engine is not to
 * end relays because nobody could write them down. It is told as {@link EngineObserver.untold}.
 */
export function together(observers: readonly Partial<ProxyObserver>[]): ProxyObserver {
  const starts = observers.filter((one) => one.relayStarted !== undefined);
  const tell = (
    list: readonly Partial<ProxyObserver>[],
    call: (one: Partial<ProxyObserver>) => void,
  ) => {
    for (const one of list) {
      try {
        call(one);
      } catch (error) {
        failed(error);
      }
    }
  };
  let isFailing = false;
  const failed = (error: unknown) => {
    // One that cannot even hear of that is left alone.
    if (isFailing) return;
    isFailing = true;
    tell(observers, (one) => one.untold?.(stackOf(error)));
    isFailing = false;
  };
  return {
    ...(starts.length === 0
      ? {}
      : {
          relayStarted(relay) {
            tell(starts, (one) => one.relayStarted?.(relay));
          },
        }),
    relayEnded(relay) {
      tell(observers, (one) => one.relayEnded?.(relay));
    },
    dialFailed(...failure) {
      tell(observers, (one) => one.dialFailed?.(...failure));
    },
    poolGrew(bytes) {
      tell(observers, (one) => one.poolGrew?.(bytes));
    },
    poolEmpty() {
      tell(observers, (one) => one.poolEmpty?.());
    },
    poolRefilled() {
      tell(observers, (one) => one.poolRefilled?.());
    },
    acceptPaused(cause, relays) {
      tell(observers, (one) => one.acceptPaused?.(cause, relays));
    },
    acceptResumed() {
      tell(observers, (one) => one.acceptResumed?.());
    },
    routeFailed(listener, why) {
      tell(observers, (one) => one.routeFailed?.(listener, why));
    },
    mirrorDropped(drop) {
      tell(observers, (one) => one.mirrorDropped?.(drop));
    },
    upstreamChanged(event) {
      tell(observers, (one) => one.upstreamChanged?.(event));
    },
    addressChanged(event) {
      tell(observers, (one) => one.addressChanged?.(event));
    },
    primariesChanged(listener, upstreams) {
      tell(observers, (one) => one.primariesChanged?.(listener, upstreams));
    },
    panicChanged(listener, isOn) {
      tell(observers, (one) => one.panicChanged?.(listener, isOn));
    },
    nameChanged(event) {
      tell(observers, (one) => one.nameChanged?.(event));
    },
    nameFailing(name, why) {
      tell(observers, (one) => one.nameFailing?.(name, why));
    },
    nameTrouble(name, what) {
      tell(observers, (one) => one.nameTrouble?.(name, what));
    },
    serviceChanged(event) {
      tell(observers, (one) => one.serviceChanged?.(event));
    },
    serviceFailing(name, why) {
      tell(observers, (one) => one.serviceFailing?.(name, why));
    },
    serviceTrouble(name, what) {
      tell(observers, (one) => one.serviceTrouble?.(name, what));
    },
    untold(error) {
      tell(observers, (one) => one.untold?.(error));
    },
    workerSilent(...silence) {
      tell(observers, (one) => one.workerSilent?.(...silence));
    },
    workerFailed(...failure) {
      tell(observers, (one) => one.workerFailed?.(...failure));
    },
  };
}
