import type { Clock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import type { Reason } from "../base/reason.ts";

/**
 * A relay is looked at so often within its idle timeout. It ends at most one look and what looks are late
 * themselves after its time, never before; one look of a relay costs a tenth of a microsecond.
 */
export const LOOKS = 25;

/** Of which side nothing has come. */
export enum Idleness {
  /** Nothing was received or sent at all. */
  Both,
  Client,
  Upstream,
}

/** A relay, as far as its being idle can end it. */
export interface IdleTimed {
  /** How many looks in a row, this one included, found that nothing has moved since the one before. */
  lookIdle(which: Idleness): number;
  /** Ends it in an orderly way. */
  retire(reason: Reason): void;
}

/** Relays that end for this reason once they have been idle for a time, at most a twentieth later. */
export function idleLooks<T extends IdleTimed>(
  timeoutMs: number,
  which: Idleness,
  reason: Reason,
  clock: Clock,
): Deadlines<T> {
  const look = (relay: T): void => {
    if (relay.lookIdle(which) >= LOOKS) relay.retire(reason);
    else looks.add(relay);
  };
  const looks = new Deadlines<T>(timeoutMs / LOOKS, look, clock);
  return looks;
}
