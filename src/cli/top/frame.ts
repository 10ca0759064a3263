import type { RelaysDocument } from "../../admin/api.ts";
import type { ListenerDocument } from "../../admin/listener-document.ts";
import type { RelayOrder } from "../../admin/relay-query.ts";
import type { Sample } from "../../admin/sample.ts";
import { downOf, Urgency, urgencyOf } from "../../admin/standing.ts";
import type { StateDocument } from "../../admin/state.ts";
import { printable } from "../../base/error.ts";
import { formatCount, formatCounted, formatDuration, formatSize } from "../../base/quantity.ts";
import type { UpstreamView } from "../../control/upstream-view.ts";
import type { RelayStatistics } from "../../observe/statistics.ts";
import { type Column, clip, layOut, widthOf } from "../text-table.ts";
import { runningText, weightText } from "../upstreams-command.ts";
import type { Order } from "./order.ts";

/** Everything to show at one moment. */
export interface View {
  readonly state: StateDocument;
  /** What happened since the last one. */
  readonly sample: Sample;
  /** In the wanted order; there may be more than fit. */
  readonly relays: RelaysDocument;
  /** Bytes per second, by relay number. */
  readonly rates: ReadonlyMap<number, number | null>;
  readonly order: Order;
  /** Why it is out of date, in a sentence; null if it is not. */
  readonly trouble: string | null;
}

/** The size of a terminal, in characters; Infinity for text that may scroll. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The emphasis of a line. */
export type Look = "plain" | "head" | "strong" | "faint" | "bad";

/** A line of the screen: printable, and not wider than the screen. */
export interface Line {
  readonly text: string;
  readonly look: Look;
}

/** A table with all rows or only the first ones. */
interface Section {
  readonly columns: readonly Column[];
  readonly rows: readonly Entry[];
}

interface Entry {
  readonly cells: readonly string[];
  readonly look: Look;
}

/** A title and a row: a section with less room is left out. */
const SECTION_LEAST = 2;
/** The width of an IPv4 address with its port: longer ones may be cut, but never their port. */
const ADDRESS_LEAST = "255.255.255.255:65535".length;
/** The rows that relays keep, including the title, whatever else there is. */
const RELAYS_LEAST = 4;

const KEYS = "q quit  b bytes  d age  c client  i id  r reverse";

const sortedBy: Readonly<Record<RelayOrder, string>> = {
  bytes: "by bytes",
  duration: "by age",
  client: "by client",
  id: "by id",
};

/**
 * The lines of the screen: as many as it has rows, or as few as there is to
 * show if it has any number. Of clients it shows only addresses, and texts from
 * the proxy are made printable here.
 */
export function frame(view: View, { columns, rows }: Size): Line[] {
  const head = [titleLine(view), { text: totals(view, columns), look: "strong" as const }];
  const sections = allot(view, rows - head.length - 1);
  const count = listed(view, sections.relays?.rows.length ?? 0);
  const lines: Line[] = [...head, ...Object.values(sections).flatMap((one) => lay(one, columns))];
  if (rows === Number.POSITIVE_INFINITY) lines.push({ text: count, look: "faint" });
  else {
    while (lines.length < rows - 1) lines.push({ text: "", look: "plain" });
    lines.splice(Math.max(1, rows - 1));
    if (rows > 1) lines.push({ text: `${count} | ${KEYS}`, look: "faint" });
  }
  return lines.map(({ text, look }) => ({ text: clip(printable(text), columns), look }));
}

function titleLine({ state, trouble }: View): Line {
  if (trouble !== null) return { text: trouble, look: "bad" };
  const { version, status, engine, engines = [engine], uptimeMs } = state;
  const number = engine.workers === 1 ? "1 worker" : `${engine.workers} workers`;
  const workers = engines.length < 2 ? number : `${number} each`;
  const names = engines.map(({ name }) => name).join(" and ") || engine.name;
  const text = `ringway ${version} ${status}${downOf(state.upstreams)}, up ${formatDuration(uptimeMs)}, ${names}, ${workers}`;
  return { text, look: status === "ready" ? "plain" : "bad" };
}

/** As many totals as fit: a cut number would look like another one. */
function totals({ state, sample }: View, columns: number): string {
  const { accepted, up, down } = sample;
  const { firstByteMs } = state.latency;
  const parts = [
    `relays ${formatCount(state.totals.relays.running)}`,
    `accepted ${accepted === null ? "-" : Number(accepted.toPrecision(3))}/s`,
    `up ${perSecond(up)}`,
    `down ${perSecond(down)}`,
  ];
  if (firstByteMs !== null) {
    parts.push(`first byte p50 ${inMs(firstByteMs.p50)}`, `p99 ${inMs(firstByteMs.p99)}`);
  }
  while (parts.length > 1 && widthOf(parts.join("  ")) > columns) parts.pop();
  return parts.join("  ");
}

function listed({ relays: { matching }, order }: View, shown: number): string {
  const part = shown < matching ? `${formatCount(shown)} of ` : "";
  const sorted = `${sortedBy[order.sort]}${order.isReversed ? ", reversed" : ""}`;
  return `${part}${formatCounted(matching, "relay")} ${sorted}`;
}

/** The visible part of each table; null if there is no room for it. */
type Sections = Readonly<Record<"listeners" | "upstreams" | "relays", Section | null>>;

/**
 * Distributes the rows: listeners and upstreams leave some to relays, and whatever they do not
 * need.
 */
function allot(view: View, room: number): Sections {
  const listeners = listenerSection(view.state.listeners);
  const upstreams = upstreamSection(view.state.upstreams);
  const relays = relaySection(view);
  const spare = Math.max(0, room - Math.min(RELAYS_LEAST, 1 + relays.rows.length));
  const forListeners = rowsOf(listeners, Math.floor(spare / 3));
  const forUpstreams = rowsOf(upstreams, spare - forListeners);
  const moreListeners = rowsOf(listeners, spare - forUpstreams);
  const forRelays = room - moreListeners - forUpstreams;
  return {
    listeners: cut(listeners, moreListeners),
    upstreams: cut(upstreams, forUpstreams),
    relays: forRelays < 1 ? null : { ...relays, rows: relays.rows.slice(0, forRelays - 1) },
  };
}

/** The rows that a section takes of those available, including its title. */
function rowsOf({ rows }: Section, room: number): number {
  const wanted = rows.length === 0 ? 0 : 1 + rows.length;
  return room < SECTION_LEAST ? 0 : Math.min(wanted, room);
}

/** The first rows that fit; the title says how many of how many. */
function cut(section: Section, room: number): Section | null {
  if (room < 1) return null;
  const shown = room - 1;
  const all = section.rows.length;
  if (all <= shown) return section;
  const [first, ...others] = section.columns as [Column, ...Column[]];
  const title = `${first.title} (${formatCount(shown)} of ${formatCount(all)})`;
  const least = Math.max(first.least ?? 0, title.length);
  return { columns: [{ ...first, title, least }, ...others], rows: section.rows.slice(0, shown) };
}

function lay(section: Section | null, width: number): Line[] {
  if (section === null) return [];
  const { columns, rows } = section;
  const cells = rows.map((row) => row.cells);
  return layOut(columns, cells, width).map((text, index) => ({
    text,
    look: index === 0 ? "head" : (rows[index - 1]?.look ?? "plain"),
  }));
}

function listenerSection(listeners: readonly ListenerDocument[]): Section {
  return {
    columns: [
      { title: "listener", least: 8, isAddress: true },
      { title: "address", least: ADDRESS_LEAST, isAddress: true },
      { title: "new clients", rank: 1 },
      { title: "mode", rank: 2 },
    ],
    rows: listeners.map((one) => ({
      cells: [
        // The name that relays show.
        one.name ?? one.address,
        one.address,
        one.accepting ? "accepted" : "drained",
        one.mode,
      ],
      look: one.accepting ? "plain" : "faint",
    })),
  };
}

function upstreamSection(upstreams: readonly UpstreamView[]): Section {
  // Rows that need attention come first, so that they are not cut off.
  const rows = upstreams.map((one) => ({ one, urgency: urgencyOf(one) }));
  rows.sort((a, b) => a.urgency - b.urgency);
  return {
    columns: [
      { title: "upstream", least: ADDRESS_LEAST, isAddress: true },
      { title: "listener", least: 8, rank: 3, isAddress: true },
      { title: "state", rank: 1 },
      { title: "health" },
      { title: "running", isFigure: true },
      { title: "weight", isFigure: true, rank: 2 },
      { title: "check", least: 8, rank: 4 },
    ],
    rows: rows.map(({ one, urgency }) => ({
      cells: [
        one.upstream,
        one.listener,
        one.state,
        `${one.health} ${formatDuration(one.healthForMs)}`,
        runningText(one),
        weightText(one),
        one.lastCheck?.detail ?? one.trouble ?? "",
      ],
      look: lookOf(urgency),
    })),
  };
}

function lookOf(urgency: Urgency): Look {
  if (urgency <= Urgency.Unwell) return "bad";
  return urgency === Urgency.Wanted ? "faint" : "plain";
}

function relaySection({ relays: { relays }, rates }: View): Section {
  return {
    columns: [
      { title: "relay", isFigure: true, rank: 2 },
      { title: "client", least: ADDRESS_LEAST, isAddress: true },
      { title: "upstream", least: ADDRESS_LEAST, rank: 1, isAddress: true },
      { title: "age", isFigure: true, usual: 6, rank: 1 },
      { title: "up", isFigure: true, usual: 8 },
      { title: "down", isFigure: true, usual: 8 },
      { title: "rate", isFigure: true, usual: 10, rank: 3 },
    ],
    rows: relays.map((relay) => ({ cells: relayCells(relay, rates), look: "plain" })),
  };
}

function relayCells(relay: RelayStatistics, rates: View["rates"]): string[] {
  return [
    `${relay.id}`,
    relay.client,
    relay.isWaiting ? "waiting" : (relay.upstream ?? "-"),
    formatDuration(relay.durationMs),
    formatSize(relay.up.receivedBytes),
    formatSize(relay.down.receivedBytes),
    perSecond(rates.get(relay.id) ?? null),
  ];
}

function perSecond(bytes: number | null): string {
  return bytes === null ? "-" : `${formatSize(Math.round(bytes))}/s`;
}

function inMs(ms: number): string {
  return `${Number(ms.toPrecision(2))}ms`;
}
