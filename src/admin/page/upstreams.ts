import type { AdminState, UpstreamView } from "../../control/upstream-view.ts";
import type { UpstreamDocument } from "../state.ts";
import type { Client } from "./client.ts";
import { ask, told } from "./dialogs.ts";
import { byId, element, emptyRow, setRows } from "./dom.ts";
import * as format from "./format.ts";

const LABELS = ["Upstream", "Listener", "State", "Health", "Weight", "Running"] as const;
const COLUMNS = LABELS.length + 1;

/** A button of each row: what it requests, and what that means. */
interface Change {
  readonly state: AdminState;
  readonly label: string;
  readonly heading: (upstream: string) => string;
  readonly text: string;
}

const UNTIL = "until you make it ready again, the proxy ends, or a reload removes it";

const CHANGES: readonly Change[] = [
  {
    state: "drain",
    label: "Drain",
    heading: (upstream) => `Drain ${upstream}?`,
    text: `It gets no new relays ${UNTIL}. Its relays continue.`,
  },
  {
    state: "maintenance",
    label: "Maintenance",
    heading: (upstream) => `Take ${upstream} out for maintenance?`,
    text: `It gets no new relays and no checks ${UNTIL}. Its relays continue, so drain it first.`,
  },
  {
    state: "ready",
    label: "Ready",
    heading: (upstream) => `Make ${upstream} ready?`,
    text: "It gets new relays again, if its health allows.",
  },
];

/** The upstreams of all listeners, with buttons to change them. */
export class Upstreams {
  private readonly body = byId("upstream-rows");

  /** @param changed called after a change */
  constructor(
    private readonly client: Client,
    private readonly changed: () => void,
  ) {}

  /** @param mayChange whether the person may change anything */
  show(upstreams: readonly UpstreamDocument[], mayChange: boolean): void {
    if (upstreams.length === 0) {
      this.body.replaceChildren(emptyRow("No listener has an upstream.", COLUMNS));
      return;
    }
    this.body.querySelector(".empty")?.parentElement?.remove();
    const ordered = [...upstreams].sort((a, b) => a.urgency - b.urgency);
    const byKey = new Map(ordered.map((one) => [keyOf(one), one]));
    const rows = Array.from(byKey, ([key, one]) => ({ key, cells: cellsOf(one) }));
    setRows(this.body, rows, (row) => this.row(byKey.get(row.key) as UpstreamView));
    for (const row of this.body.children) {
      const one = byKey.get((row as HTMLElement).dataset.key ?? "");
      if (one !== undefined) mark(row as HTMLTableRowElement, one, mayChange);
    }
  }

  private row(one: UpstreamView): HTMLTableRowElement {
    const [first, ...others] = LABELS;
    const buttons = CHANGES.map((change) => {
      const label = `${change.label} ${one.upstream}`;
      const button = element("button", { type: "button", "aria-label": label }, change.label);
      button.dataset.state = change.state;
      button.addEventListener("click", () => void told(() => this.change(one, change)));
      return button;
    });
    return element(
      "tr",
      {},
      element("th", { scope: "row", "data-label": first, class: "address" }),
      ...others.map((label) => {
        const isFigure = label === "Weight" || label === "Running";
        return element("td", { "data-label": label, ...(isFigure ? { class: "number" } : {}) });
      }),
      element("td", { class: "act" }, element("div", { class: "changes" }, ...buttons)),
    );
  }

  private async change({ id, upstream, listener }: UpstreamView, wanted: Change): Promise<void> {
    const heading = wanted.heading(upstream);
    const text = `An upstream of ${listener}. ${wanted.text}`;
    if (!(await ask({ heading, text, yes: wanted.label }))) return;
    await this.client.send<UpstreamView>("POST", `/api/upstreams/${id}`, { state: wanted.state });
    this.changed();
  }
}

/** A reload may reuse a number, so the number alone does not identify an upstream. */
function keyOf({ id, listener, upstream }: UpstreamView): string {
  return `${id} ${listener} ${upstream}`;
}

function cellsOf(one: UpstreamView): string[] {
  const { weight, effectiveWeight, running, maxRelays, isBackup, service } = one;
  const now = Number(effectiveWeight.toPrecision(2));
  const slow = now < weight ? `${now} of ${weight}` : `${weight}`;
  return [
    service === null ? one.upstream : `${one.upstream} of ${service}`,
    one.listener,
    isBackup ? `${one.state}, backup` : one.state,
    healthOf(one),
    slow,
    maxRelays === 0
      ? format.count(running)
      : `${format.count(running)} of ${format.count(maxRelays)}`,
  ];
}

function healthOf(one: UpstreamView): string {
  const { health, healthForMs, lastCheck, trouble } = one;
  const since = `${health} for ${format.duration(healthForMs)}`;
  const where = addressesOf(one);
  if (lastCheck === null) {
    return `${since}${trouble === null ? "" : `: ${trouble}`}${where}`;
  }
  // Keeps the number and its unit on one line.
  const took = format.latency(lastCheck.durationMs).replace(" ", "\u00a0");
  return `${since}: ${lastCheck.detail} (${took})${where}`;
}

/** Most addresses to show in a row. */
const ADDRESSES_SHOWN = 8;

/** The addresses of a host name, and their health. */
function addressesOf({ addresses }: UpstreamView): string {
  if (addresses.length === 0) return "";
  const shown = addresses.slice(0, ADDRESSES_SHOWN).map(({ address, health, isCurrent }) => {
    const known = health === "unknown" ? "" : `\u00a0${health}`;
    return `${address}${known}${isCurrent ? "" : " (not in DNS any more)"}`;
  });
  const more = addresses.length - shown.length;
  return `; ${shown.join(", ")}${more > 0 ? ` and ${format.count(more)} more` : ""}`;
}

/** Marks the row with its health, and disables the button of its current state. */
function mark(row: HTMLTableRowElement, { health, state }: UpstreamView, mayChange: boolean): void {
  row.dataset.health = health;
  row.dataset.state = state;
  for (const button of row.querySelectorAll("button")) {
    button.disabled = !mayChange || button.dataset.state === state;
  }
}
