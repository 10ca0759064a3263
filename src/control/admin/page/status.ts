import type { UpstreamView } from "../../upstream-view.ts";
import type { StateDocument } from "../state.ts";

/** What the page's head says of the proxy. */
export interface Status {
  /** By which it is coloured. */
  readonly kind: StateDocument["status"] | "no upstream" | "no answer";
  readonly text: string;
}

/** How much an upstream has to be looked at. */
export const Urgency = { Down: 0, Unwell: 1, Wanted: 2, None: 3 } as const;
export type Urgency = (typeof Urgency)[keyof typeof Urgency];

/** How the proxy stands: it may be ready, and yet have nobody to relay to. */
export function statusOf({ status, listeners, upstreams }: StateDocument): Status {
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
  listeners: StateDocument["listeners"],
  upstreams: readonly UpstreamView[],
): string {
  const served = new Set(upstreams.filter(takesRelays).map(({ listener }) => listener));
  const lacking = new Set(
    listeners
      .filter(({ mode, accepting }) => mode !== "sink" && accepting)
      // As upstreams call it.
      .map(({ name, listen }) => name ?? listen)
      .filter((listener) => !served.has(listener)),
  );
  if (lacking.size === 0) return "";
  const whose = lacking.size === 1 ? [...lacking][0] : `${lacking.size} listeners`;
  return `no upstream of ${whose} takes relays`;
}

/** One of weight 0 gets those that a route function sends there. */
function takesRelays({ isOpen, weight, state, health }: UpstreamView): boolean {
  return isOpen || (weight === 0 && state === "ready" && speaksFor(health));
}

/** No check and no dial speaks against it. */
function speaksFor(health: UpstreamView["health"]): boolean {
  return health === "up" || health === "unchecked";
}
