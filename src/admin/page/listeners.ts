import type { ListenerDocument } from "../listener-document.ts";
import type { StateDocument } from "../state.ts";
import { byId, element, setRows } from "./dom.ts";
import * as format from "./format.ts";

const LABELS = [
  "Listener",
  "Address",
  "Mode",
  "Engine",
  "New clients",
  "Upstreams",
  "Routes",
  "Mirror",
  "Connect timeout",
  "Half-close timeout",
] as const;

type Mirrors = StateDocument["totals"]["mirrors"];

/** Shows where clients are accepted and where their relays go. */
export function showListeners(listeners: readonly ListenerDocument[], mirrors: Mirrors): void {
  const rows = listeners.map((one, index) => ({
    key: `${index} ${one.address}`,
    cells: [
      // As relays call it.
      one.name ?? one.address,
      one.address,
      one.mode,
      one.engine,
      one.accepting ? "accepted" : "drained",
      upstreams(one),
      routes(one),
      mirror(one, mirrors),
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

/** Who gets a copy, of how many relays, and how that goes. */
function mirror({ name, address, mirror }: ListenerDocument, mirrors: Mirrors): string {
  if (mirror === null) return "none";
  const share = mirror.percent === 100 ? "" : ` (${mirror.percent} % of relays)`;
  const stats = mirrors.find(
    (one) => one.listener === (name ?? address) && one.mirror === mirror.address,
  );
  const dropped = Object.entries(stats?.dropped ?? {}).map(
    ([reason, count]) => `, ${format.count(count)} given up (${reason})`,
  );
  const copied = stats === undefined ? "" : `: ${format.count(stats.begun)} copied`;
  return `${mirror.address}${share}${copied}${dropped.join("")}`;
}

/** So many routes are shown of a listener. */
const ROUTES_SHOWN = 20;

/** Where TLS clients go by what they ask for. */
function routes({ routes }: ListenerDocument): string {
  if (routes.length === 0) return "none";
  const shown = routes.slice(0, ROUTES_SHOWN).map(({ label, upstreams, refuse }) => {
    if (refuse) return `${label}: refused`;
    return `${label} → ${upstreams === null ? "all" : upstreams.join(", ")}`;
  });
  const others = routes.length - shown.length;
  return `${shown.join("; ")}${others > 0 ? ` and ${format.count(others)} more` : ""}`;
}

function upstreams({ mode, upstreams, upstreamInside }: ListenerDocument): string {
  if (mode === "sink") return "none: what clients send is discarded";
  return upstreamInside ? "a demo built in" : upstreams.join(", ");
}
