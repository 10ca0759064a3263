import type { UpstreamView } from "../control/upstream-view.ts";
import type { ListenerDocument } from "./listener-document.ts";

/** How the proxy stands, in a few words. */
export interface Standing {
  /** What matters most of it. */
  readonly kind: "ready" | "draining" | "no upstream";
  readonly text: string;
}

/** How much an upstream has to be looked at. */
export const Urgency = { Down: 0, Unwell: 1, Wanted: 2, None: 3 } as const;
export type Urgency = (typeof Urgency)[keyof typeof Urgency];

/** It may be ready, and yet have nobody to relay to. */
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

/** How many upstreams are down, as the rest of a sentence; empty when none is. */
export function downOf(upstreams: readonly UpstreamView[]): string {
  const down = upstreams.filter(({ health }) => health === "down").length;
  return down === 0 ? "" : `, ${down} of ${upstreams.length} upstreams down`;
}

/** The order in which upstreams are listed: the lower, the sooner somebody should look at it. */
export function urgencyOf({ health, state }: UpstreamView): Urgency {
  if (state === "maintenance") return Urgency.Wanted;
  if (health === "down") return Urgency.Down;
  if (!speaksFor(health)) return Urgency.Unwell;
  return state === "ready" ? Urgency.None : Urgency.Wanted;
}

/** Which listeners have nobody to relay to, as a clause; empty when none. */
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
  // As upstreams call it. Ports of one name may have upstreams of their own.
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
 * One of weight 0 gets those that a route function sends there. The last one that is left, and all of them
 * below the panic threshold, get relays whatever is known of them: that is no reason to send anybody here.
 */
function takesRelays({ isOpen, weight, state, health }: UpstreamView): boolean {
  return (isOpen || (weight === 0 && state === "ready")) && speaksFor(health);
}

/** No check and no dial speaks against it. */
function speaksFor(health: UpstreamView["health"]): boolean {
  return health === "up" || health === "unchecked";
}
