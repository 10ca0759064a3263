import type { Values } from "../counts/figure.ts";
import type { engineFigures, FlowStats, memoryFigures } from "../counts/figures.ts";
import { quantile } from "../counts/latency.ts";
import type { EngineStats, RelaySummary } from "../relay/ledger/stats.ts";

/** Most relays to list, both of the ended ones and of the running ones. */
export const LISTED_MAX = 100;

/** Most commands to list. */
const COMMANDS_MAX = 10;

/** One direction in figures: counts, and rates per second. */
export interface FlowStatistics extends FlowStats {
  /** Received bytes per second of the relay's (in totals: the run's) duration. */
  bytesPerSecond: number;
}

/** One relay in figures. */
export interface RelayStatistics extends Omit<RelaySummary, "up" | "down"> {
  /**
   * Receives from the client per second. A request arrives in at least one receive, so this is the
   * number of requests only if they are neither pipelined nor large.
   */
  requestsPerSecond: number;
  up: FlowStatistics;
  down: FlowStatistics;
}

/** How many receives and sends moved how much at once. */
export interface SegmentBucket {
  /** Up to this many segments, and more than in the bucket before. */
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

/** One of the busiest commands of listeners of mode `valkey`. */
export interface CommandStatistics {
  listener: string;
  /** In capitals, with its subcommand; `other` for all that are unknown. */
  command: string;
  calls: number;
  errors: number;
  /** From when they were sent until their replies were whole. */
  upstreamMeanMs: number;
  upstreamP99Ms: number;
  /** Before they were sent. */
  waitP99Ms: number;
}

/**
 * The statistics that ringway prints at exit. `--stats json` prints these names in this order, and
 * they are stable. All values are finite numbers, text or null; names end in their unit unless they
 * count.
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
  /** Those with most calls, at most {@link COMMANDS_MAX}; none without a listener of mode `valkey`. */
  commands: CommandStatistics[];
  /** The last relays that ended, at most {@link LISTED_MAX}, in the order in which they ended. */
  endedRelays: RelayStatistics[];
  /** How many ended earlier and are left out. */
  endedRelaysOmitted: number;
  /** The relays that still ran, at most {@link LISTED_MAX}, oldest first. */
  runningRelays: RelayStatistics[];
  /** How many more were running and are left out. */
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
    commands: busiest(listeners),
    endedRelays: listed.map(relayStatistics),
    endedRelaysOmitted: Math.max(0, relays.ended - listed.length),
    runningRelays: running.slice(0, LISTED_MAX).map(relayStatistics),
    runningRelaysOmitted: Math.max(0, running.length - LISTED_MAX),
  };
}

/** One relay's summary in figures. */
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

function busiest(listeners: EngineStats["listeners"]): CommandStatistics[] {
  const all = listeners.flatMap(({ listener, valkey }) =>
    (valkey?.commands ?? []).map((command) => ({ listener, ...command })),
  );
  return all
    .filter(({ calls }) => calls > 0)
    .sort((one, other) => other.calls - one.calls)
    .slice(0, COMMANDS_MAX)
    .map(({ listener, command, calls, errors, upstreamMs, upstreamTimes, waitTimes }) => ({
      listener,
      command,
      calls,
      errors,
      upstreamMeanMs: upstreamMs / calls,
      upstreamP99Ms: quantile(upstreamTimes, 0.99) ?? 0,
      waitP99Ms: quantile(waitTimes, 0.99) ?? 0,
    }));
}

function perSecond(count: number, durationMs: number): number {
  return ratio(count * 1_000, durationMs);
}

/** A quotient that is 0 if there is nothing to divide by. */
function ratio(amount: number, of: number): number {
  return of > 0 ? amount / of : 0;
}

/** The statistics as one JSON object on one line; {@link Statistics} documents its names. */
export function renderJson(statistics: Statistics): string {
  return `${JSON.stringify(statistics, rounded)}\n`;
}

/**
 * For JSON.stringify: rounds rates and durations to their significant digits; counts stay whole.
 */
export function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1_000) / 1_000 : value;
}
