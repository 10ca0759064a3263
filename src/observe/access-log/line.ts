import { Side, sideOf } from "../../base/reason.ts";
import type { RelaySummary } from "../../relay/ledger/stats.ts";

/** What a line tells of: a relay that started, that still runs, or that has ended. */
export type LineEvent = "start" | "running" | "end";

/** Anything that some reader of lines may take for the end of one, or not show as it is. */
const UNPRINTABLE = /[^\x20-\x7e]/g;

/** The fields of a line, in their order, with what each means; docs/observe.md shows them. */
export const accessFields = {
  event: "`start`, `running` or `end`",
  time: "When that was: UTC, with milliseconds",
  id: "The relay's number in this process. All lines of a relay have the same",
  listener: "The listener's name, or the address that it accepts on if it has none",
  client:
    "The client's address; `unix` behind a unix socket, `unknown` if it was reset before it could be accepted",
  upstream: "The upstream as configured; the last one if several were tried",
  tries: "How many dials were started",
  startedAt: "When the client was accepted",
  dialMs: "Milliseconds from then until an upstream answered",
  firstByteMs: "Milliseconds from then until the upstream's first byte",
  durationMs: "Milliseconds from then until now",
  upBytes: "Bytes received from the client",
  downBytes: "Bytes received from the upstream",
  upLostBytes:
    "Bytes of `upBytes` that could not be delivered, because the relay was refused or cut",
  downLostBytes: "Bytes of `downBytes` that could not be delivered",
  reason: "Why the relay ended",
  side: "Who ended it: `client`, `upstream`, or null for ringway itself",
  label: "The label from the route function",
  mirror: "`mirrored`, or why its copy was given up so far; null when it is not copied",
  local:
    "The address that the client connected to, or the one that its PROXY header names. Null for a client refused behind a wildcard address",
  resolved: "The address of the upstream that answered, of several addresses of a host name",
  peer: "Who connected, when a PROXY header names another client; null otherwise",
  waitedMs:
    "Milliseconds that the client waited for room (`whenFull`, `queueTimeout`) or was held until an upstream came back (`holdTimeout`, `retries`)",
  route: "The label of the route by which its upstream was chosen (`routes`)",
  tlsName: "The host name in the client's ClientHello (SNI), in lower case",
  tlsAlpn:
    "The protocols that the client offers there (ALPN), separated by commas; 16 at most. The one that was agreed on if TLS ended here",
  tlsVersion: "The version of TLS, if it ended here",
  tlsCipher: "The cipher suite of TLS, likewise",
  tlsResumed: "Whether an earlier TLS session was resumed, likewise",
  tlsClient: "The common name of the client's certificate, or else its first name",
} as const;

/**
 * One line of the access log: a JSON object in ASCII. Every line has the {@link accessFields} in this order;
 * what is not known (yet) is null. They are stable; new ones may be added at the end.
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
    `,"waitedMs":${rounded(relay.waitedMs)},"route":${text(relay.route)}` +
    `,"tlsName":${text(relay.tlsName)},"tlsAlpn":${text(relay.tlsAlpn)}` +
    `,"tlsVersion":${text(relay.tlsVersion)},"tlsCipher":${text(relay.tlsCipher)}` +
    `,"tlsResumed":${relay.tlsResumed},"tlsClient":${text(relay.tlsClient)}}\n`
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
