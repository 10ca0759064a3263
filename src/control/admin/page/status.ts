import type { UpstreamView } from "../../upstream-view.ts";
import type { StateDocument } from "../state.ts";

/** What the page's head says of the proxy. */
export interface Status {
  /** By which it is coloured. */
  readonly kind: StateDocument["status"] | "no upstream" | "no answer";
  readonly text: string;
}

/** How the proxy stands: it may be ready, and yet have nobody to relay to. */
export function statusOf({ status, listeners, upstreams }: StateDocument): Status {
  if (status !== "ready") return { kind: status, text: status };
  const lack = lackOf(listeners, upstreams);
  if (lack === "") return { kind: "ready", text: "ready" };
  return { kind: "no upstream", text: `ready, but ${lack}` };
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
