import { formatAddress } from "../base/address.ts";
import type { LoopClock } from "../base/clock.ts";
import type { AddressView, HealthView } from "../upstream/health/checker.ts";
import type { ShownHealth } from "../upstream/health/monitor.ts";
import type { UpstreamTable } from "../upstream/table.ts";
import { addressViews } from "./checked-hosts.ts";
import { type AdminState, type Entry, weightOf } from "./entry.ts";
import type { UpstreamNames } from "./names.ts";
import { asksForPrimary, primariesOf } from "./primaries.ts";

export type { AdminState } from "./entry.ts";

/** The current state of a listener's upstream. */
export interface UpstreamView {
  /** Identifies it as long as it exists. */
  readonly id: number;
  /** The listener's name, otherwise its configured address. */
  readonly listener: string;
  readonly upstream: string;
  /** The name of the service that it is a member of; null if its address was configured. */
  readonly service: string | null;
  readonly isBackup: boolean;
  /** As configured, or set since; see {@link UpstreamOptions}. */
  readonly weight: number;
  /** The weight that counts now: less during slow start. */
  readonly effectiveWeight: number;
  readonly state: AdminState;
  /**
   * `unchecked` if nothing checks it and no dial has failed; `unknown` in maintenance, and while
   * its name is not resolved ({@link trouble}).
   */
  readonly health: ShownHealth;
  /** Whether new relays may go there. */
  readonly isOpen: boolean;
  /** The number of its relays, including those that dial it. */
  readonly running: number;
  readonly maxRelays: number;
  /** The last check; null if there was none. */
  readonly lastCheck: HealthView["lastCheck"];
  /** Why its name has not been resolved, as a clause; null if it has an address. */
  readonly trouble: string | null;
  /** How long its health has not changed, in milliseconds. */
  readonly healthForMs: number;
  /** The known addresses of its host name; empty for any other address. */
  readonly addresses: readonly AddressView[];
  /** How many of its servers say that they are the primary; null if no check asks for that. */
  readonly primaries: number | null;
}

/** Returns the state of an upstream. @param known its health; undefined if nothing watches it */
export function viewOf(
  entry: Entry,
  known: HealthView | undefined,
  {
    clock,
    table,
    names,
  }: {
    readonly clock: Pick<LoopClock, "now">;
    readonly table: UpstreamTable;
    readonly names: UpstreamNames;
  },
): UpstreamView {
  const { options, listener, state } = entry;
  const { slot, isBackup, maxRelays, address } = options;
  const trouble = names.trouble(address);
  const status = known?.status ?? "unknown";
  return {
    id: slot,
    listener,
    upstream: formatAddress(address),
    service: options.service ?? null,
    isBackup,
    weight: weightOf(entry),
    effectiveWeight: table.weight(slot) / table.unit,
    state,
    health: status === "up" ? believed(entry, trouble) : status,
    isOpen: table.isOpen(slot) && table.weight(slot) > 0,
    running: table.running(slot),
    maxRelays,
    lastCheck: known?.lastCheck ?? null,
    trouble,
    healthForMs: clock.now() - (known?.sinceMs ?? entry.stateSince),
    addresses: addressViews(address, known?.addresses ?? [], names),
    primaries: asksForPrimary(entry) ? primariesOf(entry, known).length : null,
  };
}

/** The health to show for an upstream without failures. */
function believed({ health }: Entry, trouble: string | null): ShownHealth {
  // Without an address, no dial or check can have reached it.
  if (trouble !== null) return "unknown";
  return health.check === null ? "unchecked" : "up";
}
