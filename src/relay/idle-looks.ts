import type { Clock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import type { Reason } from "../base/reason.ts";

/**
 * How often a relay is checked within its idle timeout. It ends at most one interval late, never
 * early. One check of a relay costs a tenth of a microsecond.
 */
export const LOOKS = 25;

/** Which traffic is missing. */
export enum Idleness {
  /** Nothing was received or sent at all. */
  Both,
  /** The client sent nothing. */
  Client,
  /** The upstream sent nothing. */
  Upstream,
}

/** A relay that may have idle timeouts. */
export interface IdleTimed {
  /** How many checks in a row, this one included, found no new traffic. */
  lookIdle(which: Idleness): number;
  /** Ends it with a FIN. */
  retire(reason: Reason): void;
}

/** The relays with an idle timeout. They end for `reason`, at most a twentieth of the time late. */
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
