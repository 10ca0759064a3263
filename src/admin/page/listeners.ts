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
  "Certificate",
  "Mirror",
  "Timeouts",
] as const;

type Mirrors = StateDocument["totals"]["mirrors"];

/** Shows where clients are accepted, and where their relays go. */
export function showListeners(listeners: readonly ListenerDocument[], mirrors: Mirrors): void {
  const rows = listeners.map((one, index) => ({
    key: `${index} ${one.address}`,
    cells: [
      // The same name that relays show.
      one.name ?? one.address,
      one.address,
      one.mode,
      one.engine,
      one.accepting ? "accepted" : "drained",
      upstreams(one),
      routes(one),
      certificate(one),
      mirror(one, mirrors),
      `connect ${format.duration(one.connectTimeoutMs)}, half-close ${format.duration(one.halfCloseTimeoutMs)}`,
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

/** The mirror of a listener, the share of relays that it gets, and what has become of them. */
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

/** The certificate that expires first, and when. */
function certificate({ certificate }: ListenerDocument): string {
  if (certificate === null) return "none";
  const { name, expiresAt, count } = certificate;
  const others = count > 1 ? `, the first of ${format.count(count)} to expire` : "";
  return `${name}: ${format.daysUntil(expiresAt, Date.now())}${others}`;
}

function upstreams({ mode, upstreams, upstreamInside, upstreamTls }: ListenerDocument): string {
  if (mode === "sink") return "none: what clients send is discarded";
  if (upstreamInside) return "a demo built in";
  return upstreams.map((one) => (upstreamTls.includes(one) ? `${one} by TLS` : one)).join(", ");
}
