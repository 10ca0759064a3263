import type { Reason } from "../../src/base/reason.ts";
import type { RelaySummary } from "../../src/relay/ledger/stats.ts";
import type { Connection } from "../kernel/connection.ts";
import { holds } from "../model/fuzz.ts";
import { isAskedRight } from "./asking.ts";
import { DENIED, LISTENER_ROW, STEP_MS, TOTAL_ROW } from "./settings.ts";
import type { Story } from "./story.ts";
import type { Sight } from "./witness.ts";

/** Looks of which all but the first have to find that nothing moved: so much of a timeout has passed at least. */
const LOOKED = 24 / 25;
/** Relays live so much of their lifetime at least. */
const LIFETIME_LEAST = 0.9;
/** Bytes that a flow with a rate may carry at once, and somewhat more than it may. */
const BURST_LEAST = 16 * 1024;
const BURSTS_PER_SECOND = 4;
const RATE_SLACK = 2 * 4096;
/** Milliseconds for which is waited that an old relay comes to rest, and in which any relay is closed, however slow. */
const LATE_MS = 1_000;
const RETIRE_MS = 1_000 + LATE_MS;
/** So much of a timeout has passed at most. */
const LOOKED_MOST = 1.2;
/** Milliseconds between two looks whether what came before a reset is taken. */
const RESET_MS = 2_000;
/** Milliseconds in which the target of a relay that was reset takes nothing. */
const STALL_MS = 1_900;
/** Memory that does not run out. */
const AMPLE = 256 * 4096;

/** What was true when a relay was said to have ended. */
export interface Ended {
  readonly relay: RelaySummary;
  readonly client: Connection;
  /** Null when none has answered. */
  readonly upstream: Connection | null;
  readonly sight: Sight;
  readonly story: Story;
  readonly now: number;
  /** When a row of the table last had no room; −Infinity for never. */
  readonly fullAt: (row: number) => number;
  /** Somebody has wanted these. */
  readonly wished: {
    readonly drain: boolean;
    readonly gone: boolean;
    readonly cut: ReadonlySet<number>;
  };
}

/** Why those end that were not let in. */
const refusals: ReadonlySet<Reason> = new Set<Reason>([
  "access_denied",
  "listener_full",
  "total_full",
  "client_full",
  "client_rate",
  "network_full",
  "network_rate",
  "preamble_invalid",
  "preamble_untrusted",
  "preamble_timeout",
  "preamble_full",
  "tls_hello_invalid",
  "tls_hello_timeout",
  "tls_no_route",
  "route_refused",
  "route_failed",
]);

/** A relay ends for the one reason that is right: what it says has to have happened, and first. */
export function checkReason(ended: Ended): void {
  const { relay, client, sight } = ended;
  const reason = relay.reason as Reason;
  holds(client.isNameless || isRight(reason, ended), `the one right reason is not ${reason}`);
  if (!client.isNameless) {
    // Whose header came too late was not believed.
    const isPeer = relay.dials === 0 && relay.client === sight.peer;
    holds(isPeer || relay.client === sight.name, "a relay's client is who that is");
  }
  if (refusals.has(reason)) checkRefused(reason, ended);
  else checkClosing(reason, ended);
  checkDials(reason, ended);
  checkTimes(reason, ended);
  checkReset(reason, ended);
  checkLastBytes(reason, ended);
  checkRates(ended);
  holds(ended.story.mode !== "oneway" || client.sent === 0, "one way nobody gets an answer");
}

/** Both ends are closed by FIN or both by RST, as the reason says. */
function checkClosing(reason: Reason, { relay, client, upstream }: Ended): void {
  const ends = upstream === null ? [client] : [client, upstream];
  if (reason === "client_fin" || reason === "upstream_fin" || reason.endsWith("idle_timeout")) {
    const isWhole = relay.up.lostBytes + relay.down.lostBytes === 0;
    if (isWhole) holds(!ends.some(({ lingers }) => lingers), `${reason} is no reset`);
  } else if (!mayBeOrderly.has(reason)) {
    holds(
      ends.every(({ lingers }) => lingers),
      `${reason} is a reset`,
    );
  }
}

/** Why relays end by a FIN when they are idle, and else by a reset. */
const mayBeOrderly: ReadonlySet<Reason> = new Set<Reason>(["drain", "upstream_gone", "lifetime"]);

/** Upstreams are tried as often as that may be, none of them twice in a row of tries. */
function checkDials(reason: Reason, { relay, sight, story }: Ended): void {
  const { tries, retries, upstreams, holdMs, queueMs, budgetMs, mode, mirror, operator } = story;
  holds(mode !== "sink" || relay.dials === 0, "for a sink nobody is dialled");
  const isCopied =
    !operator && mirror?.percent === 100 && relay.dials > 0 && story.descriptors > 1_000;
  holds(!isCopied || relay.mirror !== null, "a relay that is to be copied is");
  if (operator || holdMs + queueMs > 0) return;
  const most = Math.min(tries, upstreams.length);
  holds(relay.dials <= most * (1 + retries), "no more is tried than may be");
  const { dialled } = sight;
  for (let from = 0; from < dialled.length; from += most) {
    const round = dialled.slice(from, from + most);
    const isOnce = retries > 0 || new Set(round).size === round.length;
    holds(isOnce, "no upstream is dialled twice");
  }
  if (!reason.startsWith("connect_") || budgetMs > 0 || story.maxRelays > 0) return;
  if (story.routes !== "none" || story.names) return;
  holds(relay.dials === most * (1 + retries), "all that may be tried is");
}

/** No relay outlives its times. */
function checkTimes(
  reason: Reason,
  { relay, client, upstream, sight, story, now, wished }: Ended,
): void {
  if (wished.drain || wished.gone || upstream === null || sight.lost.length > 0) return;
  const { lifetimeMs, idleTimeoutMs, memory, upRate, downRate } = story;
  const ageMs = now - sight.acceptedAt;
  holds(lifetimeMs === 0 || ageMs <= lifetimeMs + RETIRE_MS, "no relay outlives its lifetime");
  if (memory < AMPLE || upRate + downRate > 0) return;
  const since = Math.max(sight.movedAt, sight.acceptedAt + (relay.dialMs ?? 0));
  const isSoon = (from: number, ms: number) => now - from <= ms * LOOKED_MOST + LATE_MS;
  holds(
    idleTimeoutMs === 0 || isSoon(since, idleTimeoutMs),
    `no relay is idle for long: ${reason}`,
  );
  const { halfCloseTimeoutMs } = story;
  if (halfCloseTimeoutMs >= STALL_MS || sight.ended.length === 0) return;
  const stood = Math.max(since, sight.endedAt, client.ackedAt, upstream.ackedAt);
  holds(isSoon(stood, halfCloseTimeoutMs), `no half of a relay stands still for long: ${reason}`);
}

/** A reset ends a relay as soon as the other end has taken all, or takes nothing any more. */
function checkReset(reason: Reason, { relay, client, upstream, sight, story, now }: Ended): void {
  if (!reason.endsWith("_reset") || upstream === null || story.mode !== "bidirectional") return;
  if (story.memory < AMPLE || story.upRate + story.downRate > 0) return;
  const isClients = reason === "client_reset";
  const target = isClients ? upstream : client;
  const answeredAt = sight.acceptedAt + (relay.dialMs ?? 0);
  const since = Math.max(sight.lostAt, answeredAt, sight.movedAt, target.ackedAt, target.sentAt);
  holds(now - since <= 2 * RESET_MS + LATE_MS, "no relay outlives a reset for long");
  const { lostBytes } = isClients ? relay.up : relay.down;
  const isWhole = target.acked === target.sent && lostBytes === 0;
  holds(
    !isWhole || now - since <= LATE_MS,
    "a relay ends when all that came before a reset is out",
  );
}

/** What came before a reset is delivered, as long as that is taken. */
function checkLastBytes(
  reason: Reason,
  { relay, client, upstream, story, now, ...of }: Ended,
): void {
  if (!reason.endsWith("_reset") || upstream === null || story.mode !== "bidirectional") return;
  const { drain, gone, cut } = of.wished;
  const { idleTimeoutMs, clientIdleTimeoutMs, upstreamIdleTimeoutMs, lifetimeMs } = story;
  if (idleTimeoutMs + clientIdleTimeoutMs + upstreamIdleTimeoutMs + lifetimeMs > 0) return;
  if (drain || gone || cut.has(relay.id) || story.memory < AMPLE) return;
  if (story.halfCloseTimeoutMs < STALL_MS) return;
  const isClients = reason === "client_reset";
  const [source, target] = isClients ? [client, upstream] : [upstream, client];
  const isStalled = now - Math.max(target.ackedAt, target.sentAt) >= STALL_MS;
  if (target.isBroken || isStalled) return;
  holds(source.readable === 0, "what came before a reset is read");
  const all = source.received - source.headerSize;
  holds(target.sent === all, "what came before a reset is delivered");
}

function isRight(reason: Reason, of: Ended): boolean {
  const { relay, client, sight, story, now, fullAt, wished } = of;
  const { acceptedAt, ended, failures, heardAt, lost } = sight;
  const { edge, holdMs, queueMs, routes, operator } = story;
  const age = now - acceptedAt;
  const lived = (ms: number, part = 1) => ms > 0 && age >= ms * part - 1;
  // What steps read is none of the relay's, as long as they do.
  const isHeader = client.received <= client.begins.length + story.peek;
  const silent = (ms: number, ...ends: readonly ("client" | "upstream")[]) =>
    isHeader
      ? lived(ms, LOOKED)
      : ms > 0 && ends.every((end) => now - heardAt[end] >= ms * LOOKED - 1);
  const hasWaited = relay.waitedMs > 0 && edge?.whenFull !== "wait";
  const mayBeFull = story.maxRelays > 0 || operator;
  const wasFull = (row: number) => fullAt(row) >= (edge?.whenFull === "wait" ? 0 : acceptedAt);
  switch (reason) {
    case "client_fin":
      return ended[0] === "client";
    case "upstream_fin":
      return ended[0] === "upstream";
    case "client_reset":
      return lost[0] === "client";
    case "upstream_reset":
      return lost[0] === "upstream";
    case "connect_refused":
    case "connect_unreachable":
    case "connect_timeout":
    case "connect_unresolved":
      // Who may be held is, and was when it has waited.
      if (holdMs > 0 && (story.budgetMs === 0 || hasWaited)) return false;
      return hasFailed(reason, of);
    case "descriptor_limit":
      return failures.has("EMFILE") || story.descriptors < 1_000;
    case "no_upstream":
      return relay.dials === 0 && (operator || routes !== "none");
    case "tls_no_route":
    case "tls_hello_invalid":
    case "tls_hello_timeout":
      return story.names && isAskedRight(reason, sight, client, story);
    case "upstreams_full":
      return mayBeFull && queueMs === 0;
    case "queue_full":
      return mayBeFull && queueMs > 0 && story.queueMax < story.clients;
    case "queue_timeout":
      return mayBeFull && (lived(queueMs) || (queueMs > 0 && lived(story.budgetMs)));
    case "hold_timeout":
      return lived(holdMs) || (holdMs > 0 && lived(story.budgetMs));
    case "idle_timeout":
      return silent(story.idleTimeoutMs, "client", "upstream");
    case "client_idle_timeout":
      return silent(story.clientIdleTimeoutMs, "client");
    case "upstream_idle_timeout":
      return silent(story.upstreamIdleTimeoutMs, "upstream");
    case "lifetime":
      return lived(story.lifetimeMs, LIFETIME_LEAST);
    case "half_close_timeout":
      return ended.length > 0 && silent(story.halfCloseTimeoutMs, "client", "upstream");
    // How long who holds memory has stood still is looked at elsewhere.
    case "memory_limit":
      return true;
    case "drain":
      return wished.drain;
    case "upstream_gone":
      return wished.gone;
    case "admin":
      return wished.cut.has(relay.id);
    case "access_denied":
      return edge?.denies === true && isDenied(relay.client);
    case "listener_full":
      return wasFull(LISTENER_ROW) && isInTime(of);
    case "total_full":
      return wasFull(TOTAL_ROW) && isInTime(of);
    case "client_full":
      return (edge?.maxRelaysPerClient ?? 0) > 0;
    case "network_full":
      return (edge?.maxRelaysPerNetwork ?? 0) > 0;
    case "client_rate":
      return (edge?.clientRate ?? 0) > 0;
    case "network_rate":
      return (edge?.networkRate ?? 0) > 0;
    case "preamble_invalid":
      return isInvalid(of);
    case "preamble_untrusted":
      return edge?.proxyProtocol === "required" && edge.believesFew;
    case "preamble_timeout":
      return sight.isLate && lived(stepMs(story));
    case "route_refused":
      return routes !== "none";
    case "route_failed":
      return routes === "refuse";
    default:
      return false;
  }
}

/** Whether who waited for a place has not waited longer than anybody may. */
function isInTime({ sight, story, now }: Ended): boolean {
  const { edge } = story;
  if (edge?.whenFull !== "wait") return true;
  const tarpitMs = typeof edge.refusal === "object" ? edge.refusal.tarpitMs : 0;
  const headerMs = edge.proxyProtocol === "off" ? 0 : edge.preambleTimeoutMs;
  const stepsMs =
    (story.request ? STEP_MS : 0) +
    (story.peek > 0 ? STEP_MS : 0) +
    (story.names ? story.helloMs : 0);
  return now - sight.acceptedAt <= headerMs + stepsMs + edge.fullTimeoutMs + tarpitMs + LATE_MS;
}

/** Whether a dial has really come to that. */
function hasFailed(reason: Reason, { relay, sight, story, now }: Ended): boolean {
  const { failures, acceptedAt } = sight;
  switch (reason) {
    case "connect_refused":
      return failures.has("ECONNREFUSED");
    case "connect_unreachable":
      return failures.has("EHOSTUNREACH") || failures.has("EAFNOSUPPORT");
    case "connect_timeout": {
      const isLate = relay.dials > 0 && now - acceptedAt >= story.connectTimeoutMs - 1;
      return failures.has("ETIMEDOUT") || isLate;
    }
    default:
      return story.upstreams.some((one) => one.kind === "tcp" && one.host === "none.test");
  }
}

/** Milliseconds that a client has at least for what comes before its flow; 0 where nothing does. */
function stepMs({ edge, request }: Story): number {
  const header = edge === null || edge.proxyProtocol === "off" ? Infinity : edge.preambleTimeoutMs;
  const least = Math.min(header, request ? STEP_MS : Infinity);
  return least === Infinity ? 0 : least;
}

/** Whether a header or a request was really wrong, or missing where one had to be. */
function isInvalid({ client, sight, story }: Ended): boolean {
  const { asks, greeting, ended } = sight;
  const { edge, request } = story;
  const isOver = ended.includes("client");
  const { begins, received } = client;
  if (asks && isOver && received < begins.length) return true;
  if (request && isOver && received === 0) return true;
  if (greeting === null || edge === null || edge.proxyProtocol === "off") return false;
  if (greeting.is === "wrong") return true;
  const isCutShort = isOver && greeting.is !== "none";
  return isCutShort || (greeting.is === "none" && edge.proxyProtocol === "required");
}

/** Whether it may not come in where somebody may not. @param name `host:port` */
export function isDenied(name: string): boolean {
  return DENIED.some((host) => name.startsWith(`${host}:`));
}

/** Of who was not let in nobody hears, and it goes as the listener says. */
function checkRefused(reason: Reason, { relay, client, sight, story, now, wished }: Ended): void {
  holds(relay.dials === 0, "for whom is refused nobody is dialled");
  // Who was sent an alert reads it.
  if (reason === "tls_no_route" || reason === "tls_hello_invalid") return;
  const refusal = story.edge?.refusal ?? "reset";
  const isLeft = client.isBroken || client.hasEnded || wished.drain;
  if (isLeft || reason === "preamble_full" || story.mode === "sink") return;
  if (refusal === "close" && relay.up.lostBytes === 0) {
    holds(!client.lingers, "who is refused by an end is not reset");
  } else holds(client.lingers, "who is refused by a reset is reset");
  if (typeof refusal !== "object" || story.descriptors < 1_000) return;
  holds(now - sight.acceptedAt >= refusal.tarpitMs - 1, "who is refused late waits in vain");
}

/** No flow carries more than it may, but what came before a reset. */
function checkRates({ relay, sight, story, now }: Ended): void {
  if (sight.lost.length > 0) return;
  const ageMs = now - sight.acceptedAt;
  const most = (rate: number) =>
    rate === 0
      ? Infinity
      : Math.max(BURST_LEAST, rate / BURSTS_PER_SECOND) + (rate * ageMs) / 1_000 + RATE_SLACK;
  const carried = ({ sentBytes, discardedBytes }: RelaySummary["up"]) => sentBytes + discardedBytes;
  holds(carried(relay.up) <= most(story.upRate), "no more goes up than may");
  holds(carried(relay.down) <= most(story.downRate), "no more goes down than may");
}
