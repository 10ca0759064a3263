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

/** An upstream of a listener, as it stands. */
export interface UpstreamView {
  /** A number by which it can be asked for as long as it is there. */
  readonly id: number;
  /** The listener's name, or else the address that it was given. */
  readonly listener: string;
  readonly upstream: string;
  /** The name of the service that it is a member of; null where its address was configured. */
  readonly service: string | null;
  readonly isBackup: boolean;
  /** What was configured, or set since; see {@link UpstreamOptions}. */
  readonly weight: number;
  /** What it gets now: less while it starts slowly. */
  readonly effectiveWeight: number;
  readonly state: AdminState;
  /**
   * `unchecked` where nothing checks it and no dial has failed; `unknown` in maintenance, and where
   * nothing but {@link trouble} is known.
   */
  readonly health: ShownHealth;
  /** New relays may go there. */
  readonly isOpen: boolean;
  /** Relays that it has or that dial it. */
  readonly running: number;
  readonly maxRelays: number;
  /** The last check; null when there was none. */
  readonly lastCheck: HealthView["lastCheck"];
  /** Why its name could not be resolved yet, in a clause; null where it has an address. */
  readonly trouble: string | null;
  /** Milliseconds for which its health has been what it is. */
  readonly healthForMs: number;
  /** The addresses of its host name, as far as they are known; none where it is no name. */
  readonly addresses: readonly AddressView[];
  /** Servers of it that say they are the primary; null where a check does not ask for that. */
  readonly primaries: number | null;
}

/** An upstream as it stands. @param known what is known of its health; undefined when nobody looks */
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

/** What there is to say of one that nothing speaks against. */
function believed({ health }: Entry, trouble: string | null): ShownHealth {
  // Nobody can have gone there.
  if (trouble !== null) return "unknown";
  return health.check === null ? "unchecked" : "up";
}
