import type { ListenerDocument } from "../state.ts";
import { byId, element, setRows } from "./dom.ts";
import * as format from "./format.ts";

const LABELS = [
  "Listener",
  "Address",
  "Mode",
  "New clients",
  "Upstreams",
  "Connect timeout",
  "Half-close timeout",
] as const;

/** Shows where clients are accepted and where their relays go. */
export function showListeners(listeners: readonly ListenerDocument[]): void {
  const rows = listeners.map((one, index) => ({
    key: `${index} ${one.address}`,
    cells: [
      one.name ?? `#${index + 1}`,
      one.address,
      one.mode,
      one.accepting ? "accepted" : "drained",
      upstreams(one),
      format.duration(one.connectTimeoutMs),
      format.duration(one.halfCloseTimeoutMs),
    ],
  }));
  setRows(byId("listeners"), rows, () => {
    const [first, ...others] = LABELS;
    return element(
      "tr",
      {},
      element("th", { scope: "row", "data-label": first }),
      ...others.map((label) => element("td", { "data-label": label })),
    );
  });
}

function upstreams({ mode, upstreams, upstreamInside }: ListenerDocument): string {
  if (mode === "sink") return "none: what clients send is discarded";
  return upstreamInside ? "a demo built in" : upstreams.join(", ");
}
