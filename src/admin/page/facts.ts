import type { Sample } from "../sample.ts";
import type { StateDocument } from "../state.ts";
import { byId, element, emptyRow, setPairs, setRows, setText } from "./dom.ts";
import * as format from "./format.ts";

/** Shows the facts about the whole proxy. */
export function showFacts(state: StateDocument, { accepted, up, down }: Sample): void {
  const { totals, engine } = state;
  const { memory, relays } = totals;
  const number = engine.workers === 1 ? "1 worker" : `${engine.workers} workers`;
  const workers = state.engines.length < 2 ? number : `${number} each`;
  setText(
    byId("about"),
    `${state.version}, ${enginesText(state)}, ${workers}, ` +
      `process ${state.pid}, up for ${format.duration(state.uptimeMs)}`,
  );
  setPairs(byId("tiles"), [
    ["Relays running", format.count(relays.running)],
    ["Accepted per second", accepted === null ? "–" : format.rate(accepted)],
    ["Up", up === null ? "–" : `${format.bytes(up)}/s`],
    ["Down", down === null ? "–" : `${format.bytes(down)}/s`],
    ["Pool in use", format.percent(memory.segmentsLeased, memory.segmentCount)],
    ["Memory of the process", format.bytes(state.process.residentBytes)],
  ]);
  setPairs(byId("facts"), [...sinceStart(state), ...ringFacts(state)]);
  showEnds(totals.relays.reasons, relays.ended);
}

/** Which engines there are, and of several how much each carries. */
function enginesText({ engine, engines }: StateDocument): string {
  if (engines.length < 2) return `engine ${engine.name} (${engine.why})`;
  const each = engines.map(
    ({ name, why, listeners, relays }) =>
      `${name} (${why}; listeners: ${listeners}, relays: ${format.count(relays.running)})`,
  );
  return `engines ${each.join(" and ")}`;
}

function sinceStart({ totals, drainTimeoutMs, engines }: StateDocument): [string, string][] {
  const { relays, memory, up, down, loop } = totals;
  const size = memory.segmentSizeBytes;
  return [
    ["Relays accepted", format.count(relays.accepted)],
    ["Relays ended", format.count(relays.ended)],
    ["Bytes up", format.bytes(up.receivedBytes)],
    ["Bytes down", format.bytes(down.receivedBytes)],
    ["Pauses of clients because of slow upstreams", format.count(up.pauses)],
    ["Pauses of upstreams because of slow clients", format.count(down.pauses)],
    ["Waits for memory", format.count(up.poolEmpty + down.poolEmpty)],
    ["Times accepting was paused", format.count(totals.acceptPauses)],
    ["Failures of route functions", format.count(totals.routeFailures)],
    ["Pool: most used at once", format.bytes(memory.segmentsLeasedMax * size)],
    ["Pool: allocated", format.bytes(memory.poolBytes)],
    ["Pool: limit", format.bytes(memory.segmentCount * size)],
    ["Loop turns", format.count(loop.turns)],
    ["Events per turn", format.rate(loop.eventsPerTurn)],
    ["Drain timeout", format.duration(drainTimeoutMs)],
    ...engines.flatMap(({ notes }) => notes.map((note): [string, string] => ["Note", note])),
  ];
}

function ringFacts({ totals: { ring } }: StateDocument): [string, string][] {
  if (ring === null) return [];
  return Object.entries(ring).map(([name, count]) => [
    `Ring: ${format.words(name)}`,
    format.count(count),
  ]);
}

function showEnds(reasons: StateDocument["totals"]["relays"]["reasons"], ended: number): void {
  const body = byId("ends");
  const all = Object.entries(reasons).sort((a, b) => b[1] - a[1]);
  if (all.length === 0) {
    body.replaceChildren(emptyRow("No relay has ended yet.", 3));
    return;
  }
  body.querySelector(".empty")?.parentElement?.remove();
  const rows = all.map(([reason, relays]) => ({
    key: reason,
    cells: [reason, format.count(relays), format.percent(relays, ended)],
  }));
  setRows(body, rows, () =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }),
      element("td", { class: "number" }),
      element("td", { class: "number" }),
    ),
  );
}
