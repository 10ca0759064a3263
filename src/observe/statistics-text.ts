import {
  formatBandwidth,
  formatCount,
  formatCounted,
  formatDuration,
  formatSize,
} from "../base/quantity.ts";
import { type Figure, wordsOf } from "../counts/figure.ts";
import { flowFigures, ringFigures } from "../counts/figures.ts";
import type { MirrorStats } from "../relay/mirror/account.ts";
import { alignColumns } from "./columns.ts";
import type { FlowStatistics, RelayStatistics, Statistics } from "./statistics.ts";

/** Up to this many relays are always listed: with them everything fits into 24 lines. */
const RELAYS_UNASKED_MAX = 3;

/** The maximum width of a line of words. */
const WIDTH = 80;

type Row = readonly string[] | string;

/** The figures of a flow that have a column. */
const columns = flowFigures.names.flatMap((name) => {
  const { column }: Figure = flowFigures.entries[name];
  return column === undefined ? [] : [{ name, head: column }];
});

/**
 * Statistics for a terminal of 80 columns and 24 lines; large figures need up to 100 columns.
 *
 * @param verbose lists relays even if there are many, and shows how much was moved at once
 */
export function renderText(statistics: Statistics, verbose: boolean): string {
  const { accepted } = statistics.relays;
  const lines = [headLine(statistics), ""];
  if (accepted > 0) {
    const listsRelays = verbose || accepted <= RELAYS_UNASKED_MAX;
    lines.push(...alignColumns(flowTable(statistics, listsRelays)), "");
  }
  lines.push(...facts(statistics));
  if (verbose) {
    lines.push(...ringFacts(statistics), ...histogram(statistics), ...commandTable(statistics));
  }
  return `${lines.join("\n")}\n`;
}

function flowTable(statistics: Statistics, listsRelays: boolean): Row[] {
  const { endedRelays, endedRelaysOmitted, runningRelays, runningRelaysOmitted } = statistics;
  const { up, down } = statistics;
  // A figure that is 0 in total is 0 for each relay.
  const shown = columns.filter(({ name }) => name.endsWith("Bytes") || up[name] + down[name] > 0);
  const rows: Row[] = [
    ["", ...shown.map(({ head }) => head), "bandwidth"],
    flowRow("all up", up, shown),
    flowRow("all down", down, shown),
  ];
  if (!listsRelays) return rows;
  const relayRows = (relay: RelayStatistics) => rowsOf(relay, shown);
  if (endedRelaysOmitted > 0) rows.push(omitted(endedRelaysOmitted, "ended earlier"));
  rows.push(...endedRelays.flatMap(relayRows), ...runningRelays.flatMap(relayRows));
  if (runningRelaysOmitted > 0) rows.push(omitted(runningRelaysOmitted, "run"));
  return rows;
}

function headLine({ engine, durationMs, relays }: Statistics): string {
  const { accepted, ended, running } = relays;
  const counts = `${formatCount(ended)} ended, ${formatCount(running)} running`;
  const run = `${formatDuration(durationMs)} on engine ${engine}`;
  const relayed = formatCounted(accepted, "relay");
  return `ringway statistics: ${run}, ${relayed} (${counts})`;
}

function flowRow(label: string, flow: FlowStatistics, shown: typeof columns): readonly string[] {
  return [
    label,
    ...shown.map(({ name, head }) => {
      const text = name.endsWith("Bytes") ? formatSize(flow[name]) : formatCount(flow[name]);
      return head.startsWith("(") ? `(${text})` : text;
    }),
    formatBandwidth(flow.bytesPerSecond),
  ];
}

function rowsOf(relay: RelayStatistics, shown: typeof columns): Row[] {
  const { id, client, upstream, durationMs, reason, requestsPerSecond, up, down } = relay;
  const ends = upstream === null ? client : `${client} → ${upstream}`;
  const lasted = formatDuration(durationMs);
  const story = reason === null ? `running for ${lasted}` : `${reason} after ${lasted}`;
  const rate = `${formatRate(requestsPerSecond)} req/s`;
  const lost = up.lostBytes + down.lostBytes;
  const loss = lost === 0 ? [] : [`${formatSize(lost)} lost`];
  const title = wrap(`relay ${id}: `, [ends, story, rate, ...loss]);
  // A relay that received nothing has nothing to show in columns.
  if (up.receives + down.receives === 0) return title;
  return [...title, flowRow("  up", up, shown), flowRow("  down", down, shown)];
}

function omitted(count: number, what: string): string {
  return `… ${formatCount(count)} more that ${what} are not listed`;
}

function facts(statistics: Statistics): string[] {
  const { loop, memory, relays, requestsPerSecond, up, down, acceptPauses, routeFailures } =
    statistics;
  const asWhat = "each receive from a client counts as one";
  const perTurn = formatRate(loop.eventsPerTurn);
  const most = formatCount(memory.segmentsLeasedMax);
  const segments = `${formatCount(memory.segmentCount)} segments`;
  const result = [
    `requests  ${formatRate(requestsPerSecond)} per second of the run, ${asWhat}`,
    `loop      ${formatCount(loop.turns)} turns, ${formatCount(loop.events)} events, ` +
      `${perTurn} per turn`,
    `memory    pool ${formatSize(memory.poolBytes)}, at most ${most} of ${segments} of ` +
      `${formatSize(memory.segmentSizeBytes)} in use`,
  ];
  const discarded = up.discardedBytes + down.discardedBytes;
  if (discarded > 0) result.push(`discarded ${formatSize(discarded)}, as the mode demands`);
  const lost = [up.lostBytes, down.lostBytes] as const;
  if (lost[0] + lost[1] > 0) {
    result.push(
      `lost      ${formatSize(lost[0])} up, ${formatSize(lost[1])} down, of relays that were refused or cut`,
    );
  }
  if (acceptPauses > 0) result.push(`accepting paused ${formatCount(acceptPauses)} times`);
  if (routeFailures > 0) {
    result.push(`routing   failed for ${formatCounted(routeFailures, "relay")}`);
  }
  for (const one of statistics.mirrors) result.push(...wrap("mirror    ", mirrorWords(one)));
  const reasons = Object.entries(relays.reasons)
    .sort(([, one], [, other]) => other - one)
    .map(([reason, count]) => `${reason} ${formatCount(count)}`);
  if (reasons.length > 0) result.push(...wrap("reasons   ", reasons));
  return result;
}

/** What has become of copies to a mirror. */
function mirrorWords({ mirror, begun, dropped, bytes }: MirrorStats): string[] {
  const reasons = Object.entries(dropped)
    .sort(([, one], [, other]) => other - one)
    .map(([reason, count]) => `${formatCount(count)} given up (${reason})`);
  return [`${mirror} ${formatCounted(begun, "relay")}`, formatSize(bytes), ...reasons];
}

/** What the ring has done, for tuning. */
function ringFacts({ ring, loop }: Statistics): string[] {
  if (ring === null) return [];
  const perTurn = loop.turns === 0 ? 0 : ring.submissions / loop.turns;
  const words = ringFigures.names.map((name) => {
    const rate = name === "submissions" ? ` (${formatRate(perTurn)} per turn)` : "";
    return `${formatCount(ring[name])} ${wordsOf(name)}${rate}`;
  });
  return wrap("ring      ", words);
}

/** Joins words with commas, on as many lines as they need. */
function wrap(label: string, words: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && label.length + line.length + word.length + 3 > WIDTH) {
      lines.push(`${line},`);
      line = "";
    }
    line = line === "" ? word : `${line}, ${word}`;
  }
  lines.push(line);
  return lines.map((text, index) => `${index === 0 ? label : " ".repeat(label.length)}${text}`);
}

function histogram({ segments }: Statistics): string[] {
  if (segments.length === 0) return [];
  const rows = segments.map((bucket) => [
    `up to ${formatCount(bucket.segments)} (${formatSize(bucket.bytesMax)})`,
    formatCount(bucket.receives),
    `${bucket.receivesPercent.toFixed(2)}%`,
    formatCount(bucket.sends),
    `${bucket.sendsPercent.toFixed(2)}%`,
  ]);
  return ["", ...alignColumns([["segments at once", "receives", "", "sends", ""], ...rows])];
}

/** The busiest commands. */
function commandTable({ commands }: Statistics): string[] {
  if (commands.length === 0) return [];
  const isOne = new Set(commands.map(({ listener }) => listener)).size === 1;
  const rows = commands.map((one) => [
    isOne ? one.command : `${one.command} (${one.listener})`,
    formatCount(one.calls),
    formatCount(one.errors),
    formatMilliseconds(one.upstreamMeanMs),
    formatMilliseconds(one.upstreamP99Ms),
    formatMilliseconds(one.waitP99Ms),
  ]);
  const head = ["busiest commands", "calls", "errors", "upstream mean", "p99", "ringway p99"];
  return ["", ...alignColumns([head, ...rows])];
}

function formatMilliseconds(time: number): string {
  return `${Number(time.toPrecision(2))} ms`;
}

/** A rate, with one decimal if it is small. */
function formatRate(rate: number): string {
  return rate < 100 ? String(Math.round(rate * 10) / 10) : formatCount(rate);
}
