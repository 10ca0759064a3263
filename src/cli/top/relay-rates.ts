import type { RelayStatistics } from "../../observe/statistics.ts";

/** What a relay was found at, and how fast it was then. */
interface Found {
  readonly durationMs: number;
  readonly bytes: number;
  readonly rate: number | null;
}

/** Relays so young have lived between two looks, so that their mean is their rate, in milliseconds. */
const YOUNG_MS = 2_000;

/**
 * How fast relays are now: the bytes of both directions between two lists, by each relay's own clock.
 * Only relays of the last list are remembered.
 */
export class RelayRates {
  private found = new Map<number, Found>();

  /** Bytes per second by the relays' numbers; null where only one list had it. */
  update(relays: readonly RelayStatistics[]): ReadonlyMap<number, number | null> {
    const before = this.found;
    this.found = new Map(relays.map((relay) => [relay.id, found(relay, before.get(relay.id))]));
    return new Map(Array.from(this.found, ([id, { rate }]) => [id, rate]));
  }

  /** Another process numbers its relays anew. */
  forget(): void {
    this.found.clear();
  }
}

function found({ durationMs, up, down }: RelayStatistics, before: Found | undefined): Found {
  const bytes = up.receivedBytes + down.receivedBytes;
  const elapsedMs = durationMs - (before?.durationMs ?? 0);
  // Lists are kept for a moment: the same one again tells nothing new.
  if (before !== undefined && elapsedMs <= 0) return before;
  const isKnown = before !== undefined || durationMs < YOUNG_MS;
  const moved = bytes - (before?.bytes ?? 0);
  const rate = isKnown && elapsedMs > 0 ? (1_000 * moved) / elapsedMs : null;
  return { durationMs, bytes, rate };
}
