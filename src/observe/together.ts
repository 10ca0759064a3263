import type { ProxyObserver } from "../engine/engine.ts";

/**
 * Several observers as one; each is told what it wants to know, in their order. The result wants to
 * know of starts only when one of them does.
 */
export function together(observers: readonly Partial<ProxyObserver>[]): ProxyObserver {
  const starts = observers.filter((one) => one.relayStarted !== undefined);
  return {
    ...(starts.length === 0
      ? {}
      : {
          relayStarted(relay) {
            for (const one of starts) one.relayStarted?.(relay);
          },
        }),
    relayEnded(relay) {
      for (const one of observers) one.relayEnded?.(relay);
    },
    dialFailed(...failure) {
      for (const one of observers) one.dialFailed?.(...failure);
    },
    poolGrew(bytes) {
      for (const one of observers) one.poolGrew?.(bytes);
    },
    poolEmpty() {
      for (const one of observers) one.poolEmpty?.();
    },
    poolRefilled() {
      for (const one of observers) one.poolRefilled?.();
    },
    acceptPaused(cause, relays) {
      for (const one of observers) one.acceptPaused?.(cause, relays);
    },
    acceptResumed() {
      for (const one of observers) one.acceptResumed?.();
    },
    routeFailed(listener, why) {
      for (const one of observers) one.routeFailed?.(listener, why);
    },
    mirrorDropped(drop) {
      for (const one of observers) one.mirrorDropped?.(drop);
    },
    upstreamChanged(event) {
      for (const one of observers) one.upstreamChanged?.(event);
    },
    addressChanged(event) {
      for (const one of observers) one.addressChanged?.(event);
    },
    primariesChanged(listener, upstreams) {
      for (const one of observers) one.primariesChanged?.(listener, upstreams);
    },
    panicChanged(listener, isOn) {
      for (const one of observers) one.panicChanged?.(listener, isOn);
    },
    nameChanged(event) {
      for (const one of observers) one.nameChanged?.(event);
    },
    nameFailing(name, why) {
      for (const one of observers) one.nameFailing?.(name, why);
    },
    serviceChanged(event) {
      for (const one of observers) one.serviceChanged?.(event);
    },
    serviceFailing(name, why) {
      for (const one of observers) one.serviceFailing?.(name, why);
    },
    serviceTrouble(name, what) {
      for (const one of observers) one.serviceTrouble?.(name, what);
    },
    workerFailed(...failure) {
      for (const one of observers) one.workerFailed?.(...failure);
    },
  };
}
