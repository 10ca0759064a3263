import type { Values } from "../counts/figure.ts";
import type { engineFigures, FlowStats, memoryFigures } from "../counts/figures.ts";
import type { EngineStats, RelaySummary } from "../relay/ledger/stats.ts";

/** Most relays that are listed one by one: so many of the ended, and so many of the running. */
export const LISTED_MAX = 100;

/** One direction in figures: counts, and what they make per second. */
export interface FlowStatistics extends FlowStats {
  /** Received bytes per second of the relay's (in totals: the run's) duration. */
  bytesPerSecond: number;
}

/** One relay in figures. */
export interface RelayStatistics extends Omit<RelaySummary, "up" | "down"> {
  /**
   * Receives from the client per second: what the client asks for arrives in at least one receive
   * each, so this is the number of requests only where they are neither pipelined nor large.
   */
  requestsPerSecond: number;
  up: FlowStatistics;
  down: FlowStatistics;
}

/** How many receives and sends moved how much at once. */
export interface SegmentBucket {
  /** Up to so many segments, and more than those of the bucket before. */
  segments: number;
  /** The same in bytes. */
  bytesMax: number;
  receives: number;
  /** 0…100, of all receives. */
  receivesPercent: number;
  sends: number;
  /** 0…100, of all sends. */
  sendsPercent: number;
}

/**
 * What is printed at exit. These names are what `--stats json` prints, in this order, and they are
 * stable. All values are finite numbers, text or null; names end in their unit unless they count.
 */
export interface Statistics
  extends Pick<EngineStats, "engine" | "relays" | "ring" | "mirrors">,
    Values<typeof engineFigures> {
  /** The run's duration. */
  durationMs: number;
  /** As for a relay, over the whole run. */
  requestsPerSecond: number;
  /** Client to upstream, all relays. */
  up: FlowStatistics;
  /** Upstream to client, all relays. */
  down: FlowStatistics;
  loop: EngineStats["loop"] & { eventsPerTurn: number };
  memory: Omit<Values<typeof memoryFigures>, "segmentSize" | "mirrorHeldBytes"> & {
    segmentSizeBytes: number;
  };
  /** Non-empty buckets, smallest first. */
  segments: SegmentBucket[];
  /** The last relays that ended, at most {@link LISTED_MAX}, in the order in which they ended. */
  endedRelays: RelayStatistics[];
  /** How many ended earlier and are not listed. */
  endedRelaysOmitted: number;
  /** The relays that still ran, at most {@link LISTED_MAX}, oldest first. */
  runningRelays: RelayStatistics[];
  /** How many more ran and are not listed. */
  runningRelaysOmitted: number;
}

/**
 * Gathers the statistics of a run.
 *
 * @param stats the engine's figures
 * @param ended the last relays that ended, in that order
 * @param running the relays that run now, oldest first
 */
export function statistics(
  stats: EngineStats,
  ended: readonly RelaySummary[],
  running: readonly RelaySummary[],
): Statistics {
  const { engine, durationMs, relays, up, down, loop, ring, mirrors, ...others } = stats;
  const { memory: all, listeners, receiveSegments, sendSegments, ...counts } = others;
  const { segmentSize, mirrorHeldBytes, ...memory } = all;
  const listed = ended.slice(-LISTED_MAX);
  return {
    engine,
    durationMs,
    relays: { ...relays, reasons: { ...relays.reasons } },
    requestsPerSecond: perSecond(up.receives, durationMs),
    up: flowStatistics(up, durationMs),
    down: flowStatistics(down, durationMs),
    loop: { ...loop, eventsPerTurn: ratio(loop.events, loop.turns) },
    ring,
    memory: { segmentSizeBytes: segmentSize, ...memory },
    ...counts,
    mirrors,
    segments: buckets(stats),
    endedRelays: listed.map(relayStatistics),
    endedRelaysOmitted: Math.max(0, relays.ended - listed.length),
    runningRelays: running.slice(0, LISTED_MAX).map(relayStatistics),
    runningRelaysOmitted: Math.max(0, running.length - LISTED_MAX),
  };
}

/** One relay's story in figures. */
export function relayStatistics(relay: RelaySummary): RelayStatistics {
  const { id, listener, client, upstream, startedAt, durationMs, dials, reason, label, mirror } =
    relay;
  return {
    id,
    listener,
    client,
    upstream,
    startedAt,
    durationMs,
    dials,
    dialMs: relay.dialMs,
    firstByteMs: relay.firstByteMs,
    isWaiting: relay.isWaiting,
    reason,
    label,
    mirror,
    local: relay.local,
    resolved: relay.resolved,
    peer: relay.peer,
    waitedMs: relay.waitedMs,
    route: relay.route,
    tlsName: relay.tlsName,
    tlsAlpn: relay.tlsAlpn,
    tlsVersion: relay.tlsVersion,
    tlsCipher: relay.tlsCipher,
    tlsResumed: relay.tlsResumed,
    tlsClient: relay.tlsClient,
    requestsPerSecond: perSecond(relay.up.receives, durationMs),
    up: flowStatistics(relay.up, durationMs),
    down: flowStatistics(relay.down, durationMs),
  };
}

function flowStatistics(stats: FlowStats, durationMs: number): FlowStatistics {
  return { ...stats, bytesPerSecond: perSecond(stats.receivedBytes, durationMs) };
}

function buckets({ receiveSegments, sendSegments, memory }: EngineStats): SegmentBucket[] {
  const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
  const [receivesTotal, sendsTotal] = [total(receiveSegments), total(sendSegments)];
  const result: SegmentBucket[] = [];
  for (let n = 0; n < Math.max(receiveSegments.length, sendSegments.length); n++) {
    const [receives, sends] = [receiveSegments[n] ?? 0, sendSegments[n] ?? 0];
    if (receives === 0 && sends === 0) continue;
    result.push({
      segments: n,
      bytesMax: n * memory.segmentSize,
      receives,
      receivesPercent: ratio(100 * receives, receivesTotal),
      sends,
      sendsPercent: ratio(100 * sends, sendsTotal),
    });
  }
  return result;
}

function perSecond(count: number, durationMs: number): number {
  return ratio(count * 1_000, durationMs);
}

/** A quotient that is a number even when there was nothing to divide by. */
function ratio(amount: number, of: number): number {
  return of > 0 ? amount / of : 0;
}
