import type { StateDocument } from "./state.ts";

// A twin of the page's rates.ts. They cannot share code: the executable contains the page's files
// as texts, and the bundler imports a file either as a text or as a module.

/** What the charts show of one moment; null if it is unknown. */
export interface Sample {
  /** Seconds since 1970. */
  readonly at: number;
  readonly running: number | null;
  /** Relays accepted per second. */
  readonly accepted: number | null;
  /** Bytes per second received from clients, and from upstreams. */
  readonly up: number | null;
  readonly down: number | null;
  /** Bytes of the pool in use. */
  readonly pool: number | null;
  /** Milliseconds until an upstream answered: median and 99th percentile. */
  readonly dialP50: number | null;
  readonly dialP99: number | null;
  /** Milliseconds until its first byte: median and 99th percentile. */
  readonly firstByteP50: number | null;
  readonly firstByteP99: number | null;
}

/** The part of a state that the charts show. */
export type Moment = Pick<StateDocument, "pid" | "startedAt" | "totals" | "latency">;

/**
 * Computes rates between two states.
 *
 * @param before null for the first one
 */
export function sample(at: number, before: Moment | null, now: Moment): Sample {
  const { memory, relays } = now.totals;
  const { dialMs, firstByteMs } = now.latency;
  const known = {
    at,
    running: relays.running,
    pool: memory.segmentsLeased * memory.segmentSizeBytes,
    dialP50: dialMs?.p50 ?? null,
    dialP99: dialMs?.p99 ?? null,
    firstByteP50: firstByteMs?.p50 ?? null,
    firstByteP99: firstByteMs?.p99 ?? null,
  };
  const seconds = before === null ? 0 : (now.totals.durationMs - before.totals.durationMs) / 1_000;
  if (before === null || !isSameProcess(before, now) || seconds <= 0) {
    return { ...known, accepted: null, up: null, down: null };
  }
  // A worker that fails may take its figures with it.
  const per = (after: number, earlier: number) => Math.max(0, after - earlier) / seconds;
  return {
    ...known,
    accepted: per(relays.accepted, before.totals.relays.accepted),
    up: per(now.totals.up.receivedBytes, before.totals.up.receivedBytes),
    down: per(now.totals.down.receivedBytes, before.totals.down.receivedBytes),
  };
}

/** Whether two states are from the same run. */
export function isSameProcess(one: Moment, other: Moment): boolean {
  return one.pid === other.pid && one.startedAt === other.startedAt;
}
