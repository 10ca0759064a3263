import type { RelayStatistics } from "../../observe/statistics.ts";

/** The last count of a relay, and its rate then. */
interface Found {
  readonly durationMs: number;
  readonly bytes: number;
  readonly rate: number | null;
}

/** For relays younger than this (in milliseconds), the rate is the mean since their start. */
const YOUNG_MS = 2_000;

/**
 * The current rates of relays: bytes of both directions between two lists, by each relay's own
 * time. Only relays of the last list are remembered.
 */
export class RelayRates {
  private found = new Map<number, Found>();

  /** Bytes per second, by relay number; null if only one list had the relay. */
  update(relays: readonly RelayStatistics[]): ReadonlyMap<number, number | null> {
    const before = this.found;
    this.found = new Map(relays.map((relay) => [relay.id, found(relay, before.get(relay.id))]));
    return new Map(Array.from(this.found, ([id, { rate }]) => [id, rate]));
  }

  /** Another process has other relays with the same numbers. */
  forget(): void {
    this.found.clear();
  }
}

function found({ durationMs, up, down }: RelayStatistics, before: Found | undefined): Found {
  const bytes = up.receivedBytes + down.receivedBytes;
  const elapsedMs = durationMs - (before?.durationMs ?? 0);
  // The proxy caches its list for a moment: the same list says nothing new.
  if (before !== undefined && elapsedMs <= 0) return before;
  const isKnown = before !== undefined || durationMs < YOUNG_MS;
  const moved = bytes - (before?.bytes ?? 0);
  const rate = isKnown && elapsedMs > 0 ? (1_000 * moved) / elapsedMs : null;
  return { durationMs, bytes, rate };
}
