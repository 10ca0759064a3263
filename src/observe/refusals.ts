import { formatCounted } from "../base/quantity.ts";
import type { Reason } from "../base/reason.ts";
import type { RelaySummary } from "../relay/ledger/stats.ts";
import { Limit } from "./limit.ts";

/** Milliseconds between two lines of one listener and reason: a limit may be reached for days. */
const WINDOW_MS = 10_000;

/**
 * What keeps clients out that the operator would have let in, or cannot know of otherwise. Not here:
 * who is denied by an access rule or a route function, as that is what they are for; who begins with
 * no right PROXY header, as every port scan and plain check does; failed dials, which have lines of
 * their own.
 */
const causes: ReadonlyMap<Reason | null, string> = new Map([
  ["no_upstream", "no upstream takes new relays"],
  ["hold_timeout", "no upstream came back within holdTimeout"],
  ["upstreams_full", "all upstreams are full"],
  ["queue_full", "all upstreams and the queue are full"],
  ["queue_timeout", "no upstream had room within queueTimeout"],
  ["listener_full", "the listener has reached maxRelays"],
  ["total_full", "all listeners together have reached totalRelays"],
  ["client_full", "maxRelaysPerClient is reached"],
  ["client_rate", "clientRate is exceeded"],
  ["network_full", "maxRelaysPerNetwork is reached"],
  ["network_rate", "networkRate is exceeded"],
  ["preamble_full", "too many clients have not sent their PROXY header or ClientHello yet"],
]);

/**
 * Tells of clients that are refused while that goes on: the first one of a listener and reason at
 * once, with its address, then how many, every ten seconds in which there were any.
 */
export class Refusals {
  /** One per listener and reason of which there has been one. */
  private readonly limits = new Map<string, Limit>();

  constructor(private readonly warn: (line: string) => void) {}

  /** A relay has ended, for whatever reason. */
  ended(relay: RelaySummary): void {
    const { listener, reason } = relay;
    const cause = causes.get(reason);
    if (cause === undefined) return;
    const why = `refused: ${cause} (${reason})`;
    const key = `${listener}: ${why}`;
    let limit = this.limits.get(key);
    if (limit === undefined) {
      const tell = (heldBack: number) => {
        this.warn(`${listener}: ${formatCounted(heldBack, "more client")} ${why}`);
      };
      limit = new Limit(tell, WINDOW_MS);
      this.limits.set(key, limit);
    }
    if (limit.take()) this.warn(`${listener}: client ${relay.client} ${why}`);
  }

  /** Tells what was held back so far. */
  flush(): void {
    for (const limit of this.limits.values()) limit.flush();
  }
}
