import type { HealthStatus } from "./health/monitor.ts";

/** What became of an upstream. */
export interface UpstreamEvent {
  readonly listener: string;
  readonly upstream: string;
  readonly from: HealthStatus;
  readonly to: HealthStatus;
  /** A clause for the log. */
  readonly why: string;
}

/** What is told of upstreams. */
export interface UpstreamsObserver {
  upstreamChanged?(event: UpstreamEvent): void;
  /** So few are open that all are treated as open; or that is over. */
  panicChanged?(listener: string, isOn: boolean): void;
}
