import { Side, sideOf } from "../../base/reason.ts";
import type { RelaySummary } from "../../relay/ledger/stats.ts";

/** What a line tells of: a relay that started, that still runs, or that has ended. */
export type LineEvent = "start" | "running" | "end";

/** Anything that some reader of lines may take for the end of one, or not show as it is. */
const UNPRINTABLE = /[^\x20-\x7e]/g;

/**
 * One line of the access log: a JSON object in ASCII. Every line has the same fields in this order;
 * what is not known (yet) is null. They are stable; new ones may be added at the end.
 *
 * | field | meaning |
 * |---|---|
 * | `event` | `start`, `running` or `end` |
 * | `time` | when that was: UTC, with milliseconds |
 * | `id` | the relay's number in this process: its lines have the same |
 * | `listener` | the listener's name, or else the address that it accepts on |
 * | `client` | the client's address; `unix` behind a unix socket, `unknown` if it had gone |
 * | `upstream` | the upstream as it was configured, the last of several that were tried |
 * | `tries` | dials that were begun |
 * | `startedAt` | when the client was accepted |
 * | `dialMs` | from then until an upstream answered |
 * | `firstByteMs` | from then until the upstream's first byte |
 * | `durationMs` | from then until now |
 * | `upBytes`, `downBytes` | bytes from the client, and from the upstream |
 * | `upLostBytes`, `downLostBytes` | of these, the ones that nobody got |
 * | `reason` | the one word that says why it ended |
 * | `side` | whose doing that was: `client`, `upstream`, or null for ringway's own |
 * | `label` | what the listener's route function calls it |
 * | `mirror` | `mirrored`, or why its copy to the mirror was given up so far; null when it is not copied |
 * | `local` | where the client has connected to (what a PROXY header says of it that is believed) |
 * | `resolved` | the upstream's address that has answered: of a host name, the one of several |
 * | `peer` | who has connected, when a PROXY header says that the client is another one |
 * | `waitedMs` | how long it waited for room, or held for an upstream that could be reached; 0: not at all |
 */
export function accessLine(event: LineEvent, relay: RelaySummary): string {
  const { startedAt, durationMs, up, down, reason } = relay;
  return (
    `{"event":"${event}","time":${time(startedAt + durationMs)},"id":${relay.id}` +
    `,"listener":${text(relay.listener)},"client":${text(relay.client)}` +
    `,"upstream":${text(relay.upstream)},"tries":${relay.dials},"startedAt":${time(startedAt)}` +
    `,"dialMs":${rounded(relay.dialMs)},"firstByteMs":${rounded(relay.firstByteMs)}` +
    `,"durationMs":${rounded(durationMs)}` +
    `,"upBytes":${up.receivedBytes},"downBytes":${down.receivedBytes}` +
    `,"upLostBytes":${up.lostBytes},"downLostBytes":${down.lostBytes}` +
    `,"reason":${text(reason)},"side":${reason === null ? "null" : sideName(reason)}` +
    `,"label":${text(relay.label)},"mirror":${text(relay.mirror)}` +
    `,"local":${text(relay.local)},"resolved":${text(relay.resolved)},"peer":${text(relay.peer)}` +
    `,"waitedMs":${rounded(relay.waitedMs)}}\n`
  );
}

function sideName(reason: NonNullable<RelaySummary["reason"]>): string {
  switch (sideOf(reason)) {
    case Side.Client:
      return '"client"';
    case Side.Upstream:
      return '"upstream"';
    case null:
      return "null";
  }
}

/** A text, so that nothing in it can end the line or the JSON: paths may have any characters. */
function text(value: string | null): string {
  return JSON.stringify(value).replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function time(ms: number): string {
  return `"${new Date(ms).toISOString()}"`;
}

/** Microseconds are the last that a clock has to say. */
function rounded(ms: number | null): string {
  return ms === null ? "null" : String(Math.round(ms * 1_000) / 1_000);
}
