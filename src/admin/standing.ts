import type { UpstreamView } from "../control/upstream-view.ts";
import { isBelieved } from "../upstream/health/monitor.ts";
import type { ListenerDocument } from "./listener-document.ts";

/** The state of the proxy in a few words. */
export interface Standing {
  /** The most important part of it. */
  readonly kind: "ready" | "draining" | "no upstream";
  readonly text: string;
}

/** How urgently an upstream needs attention. */
export const Urgency = { Down: 0, Unwell: 1, Wanted: 2, None: 3 } as const;
export type Urgency = (typeof Urgency)[keyof typeof Urgency];

/** The state of the proxy: it may be ready and yet have no upstream. */
export function standingOf(
  status: "ready" | "draining",
  listeners: readonly ListenerDocument[],
  upstreams: readonly UpstreamView[],
): Standing {
  const down = downOf(upstreams);
  if (status !== "ready") return { kind: status, text: `${status}${down}` };
  const lack = lackOf(listeners, upstreams);
  if (lack === "") return { kind: "ready", text: `ready${down}` };
  return { kind: "no upstream", text: `ready, but ${lack}${down}` };
}

/** How many upstreams are down, as the rest of a sentence; empty if none is. */
export function downOf(upstreams: readonly UpstreamView[]): string {
  const down = upstreams.filter(({ health }) => health === "down").length;
  return down === 0 ? "" : `, ${down} of ${upstreams.length} upstreams down`;
}

/** The order in which upstreams are listed: those that need attention first. */
export function urgencyOf({ health, state }: UpstreamView): Urgency {
  if (state === "maintenance") return Urgency.Wanted;
  if (health === "down") return Urgency.Down;
  if (!isBelieved(health)) return Urgency.Unwell;
  return state === "ready" ? Urgency.None : Urgency.Wanted;
}

/** Which listeners have no upstream, as a clause; empty if all have one. */
export function lackOf(
  listeners: readonly ListenerDocument[],
  upstreams: readonly UpstreamView[],
): string {
  const key = (listener: string, upstream: string) => JSON.stringify([listener, upstream]);
  const served = new Set(
    upstreams.filter(takesRelays).flatMap(({ listener, upstream, service }) => {
      const member = service === null ? [] : [key(listener, `srv:${service}`)];
      return [key(listener, upstream), ...member];
    }),
  );
  // As upstreams name it. Ports of one name may have upstreams of their own.
  const nameOf = ({ name, listen }: ListenerDocument) => name ?? listen;
  const lacking = new Set(
    listeners
      .filter(({ mode, accepting }) => mode !== "sink" && accepting)
      .filter((one) => !one.upstreams.some((upstream) => served.has(key(nameOf(one), upstream))))
      .map(nameOf),
  );
  if (lacking.size === 0) return "";
  const whose = lacking.size === 1 ? [...lacking][0] : `${lacking.size} listeners`;
  return `no upstream of ${whose} takes relays`;
}

/**
 * Whether relays may go to an upstream. One with weight 0 gets relays from a route function. The
 * last upstream, and all of them below the panic threshold, get relays whatever their health, which
 * is no reason to send clients here.
 */
function takesRelays({ isOpen, weight, state, health }: UpstreamView): boolean {
  return (isOpen || (weight === 0 && state === "ready")) && isBelieved(health);
}
