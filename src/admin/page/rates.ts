import type { Moment, Sample } from "../sample.ts";

// A twin of the program's sample.ts, which says why.

/** A moment in which the proxy did not answer. */
export function gap(at: number): Sample {
  return {
    at,
    running: null,
    accepted: null,
    up: null,
    down: null,
    pool: null,
    dialP50: null,
    dialP99: null,
    firstByteP50: null,
    firstByteP99: null,
  };
}

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
function isSameProcess(one: Moment, other: Moment): boolean {
  return one.pid === other.pid && one.startedAt === other.startedAt;
}
