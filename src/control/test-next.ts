import { uringDefaults } from "../config/defaults.ts";
import type { ListenerOptions, ProxyOptions, WantedListener } from "../config/options.ts";
import { Next } from "./stage.ts";

/** A reload with these listeners, as if all other parts had made nothing of them. */
export function nextOf(listeners: readonly WantedListener[], totalRelays = 0): Next {
  const wanted: ProxyOptions = {
    listeners,
    totalRelays,
    workers: 1,
    memory: { segmentSize: 64 * 1024, segmentCount: 4_096 },
    uring: uringDefaults,
    drainTimeoutMs: 0,
    dnsServers: [],
  };
  const next = new Next(wanted);
  next.edged = listeners;
  next.expanded = listeners as ListenerOptions[];
  return next;
}
