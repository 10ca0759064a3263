import type { HealthView } from "../upstream/health/checker.ts";
import type { HealthStatus } from "../upstream/health/monitor.ts";

/**
 * What somebody who may administer the proxy wants of an upstream: `drain` keeps new relays away, and in
 * `maintenance` nothing is found out about it either, as it may do anything.
 */
export type AdminState = "ready" | "drain" | "maintenance";

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
  /** What was configured, or set since; see `UpstreamOptions`. */
  readonly weight: number;
  /** What it gets now: less while it starts slowly. */
  readonly effectiveWeight: number;
  readonly state: AdminState;
  /** `unknown` in maintenance, and where nothing but {@link trouble} is known. */
  readonly health: HealthStatus | "unknown";
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
}
