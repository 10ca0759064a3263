import type { RelaySummary } from "../../src/engine/engine.ts";
import type { Reason } from "../../src/flow/reason.ts";
import { holds } from "../model/fuzz.ts";
import type { Connection } from "../uring/connection.ts";
import { DENIED, LISTENER_ROW, TOTAL_ROW } from "./settings.ts";
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

/** What was true when a relay was said to have ended. */
export interface Ended {
  readonly relay: RelaySummary;
  readonly client: Connection;
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
  checkRates(ended);
}

function isRight(
  reason: Reason,
  { relay, client, sight, story, now, fullAt, wished }: Ended,
): boolean {
  const { acceptedAt, ended, failures, heardAt, lost } = sight;
  const { edge, holdMs, queueMs, routes, operator } = story;
  const age = now - acceptedAt;
  const lived = (ms: number, part = 1) => ms > 0 && age >= ms * part - 1;
  // A header's bytes are none of the relay's.
  const isHeader = client.received <= client.begins.length;
  const silent = (ms: number, ...ends: readonly ("client" | "upstream")[]) =>
    isHeader
      ? lived(ms, LOOKED)
      : ms > 0 && ends.every((end) => now - heardAt[end] >= ms * LOOKED - 1);
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
      return failures.has("ECONNREFUSED");
    case "connect_unreachable":
      return failures.has("EHOSTUNREACH") || failures.has("EAFNOSUPPORT");
    case "connect_timeout":
      return failures.has("ETIMEDOUT") || (relay.dials > 0 && lived(story.connectTimeoutMs));
    case "connect_unresolved":
      return story.upstreams.some((one) => one.kind === "tcp" && one.host === "none.test");
    case "descriptor_limit":
      return failures.has("EMFILE") || story.descriptors < 1_000;
    case "no_upstream":
      return relay.dials === 0 && (operator || routes !== "none");
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
      return wasFull(LISTENER_ROW);
    case "total_full":
      return wasFull(TOTAL_ROW);
    case "client_full":
      return (edge?.maxRelaysPerClient ?? 0) > 0;
    case "network_full":
      return (edge?.maxRelaysPerNetwork ?? 0) > 0;
    case "client_rate":
      return (edge?.clientRate ?? 0) > 0;
    case "network_rate":
      return (edge?.networkRate ?? 0) > 0;
    case "preamble_invalid":
      return isInvalid(sight, story);
    case "preamble_untrusted":
      return edge?.proxyProtocol === "required" && edge.believesFew;
    case "preamble_timeout":
      return edge !== null && edge.proxyProtocol !== "off" && lived(edge.preambleTimeoutMs);
    case "route_refused":
      return routes !== "none";
    case "route_failed":
      return routes === "refuse";
    default:
      return false;
  }
}

/** Whether a header was really wrong, or missing where one had to be. */
function isInvalid({ greeting, ended }: Sight, { edge }: Story): boolean {
  if (greeting === null || edge === null || edge.proxyProtocol === "off") return false;
  if (greeting.is === "wrong") return true;
  const isCutShort = ended.includes("client") && greeting.is !== "none";
  return isCutShort || (greeting.is === "none" && edge.proxyProtocol === "required");
}

/** Whether it may not come in where somebody may not. @param name `host:port` */
export function isDenied(name: string): boolean {
  return DENIED.some((host) => name.startsWith(`${host}:`));
}

/** Of who was not let in nobody hears, and it goes as the listener says. */
function checkRefused(reason: Reason, { relay, client, sight, story, now, wished }: Ended): void {
  holds(relay.dials === 0, "for whom is refused nobody is dialled");
  const refusal = story.edge?.refusal ?? "reset";
  const isLeft = client.isBroken || client.hasEnded || wished.drain;
  if (isLeft || reason === "preamble_full" || story.mode === "sink") return;
  if (refusal === "close" && relay.up.lostBytes === 0) {
    holds(!client.lingers, "who is refused by an end is not reset");
  } else holds(client.lingers, "who is refused by a reset is reset");
  if (typeof refusal !== "object" || story.descriptors < 1_000) return;
  holds(now - sight.acceptedAt >= refusal.tarpitMs, "who is refused late waits in vain");
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
