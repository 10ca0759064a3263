import type { Plan } from "../control/plan.ts";
import type { RunningProxy } from "../control/proxy.ts";
import type { UpstreamView } from "../control/upstream-view.ts";
import type { LatencyFigures } from "../observe/latencies.ts";
import type { Exposition } from "../observe/metrics/snapshot.ts";

/** The result of a reload, or of a plan for one. */
export type ReloadOutcome =
  /** What was done, or would be done. */
  | { readonly plan: Plan }
  /** Nothing was done: the settings are wrong, or cannot be applied now. */
  | { readonly refused: "settings" | "now"; readonly problems: readonly string[] };

/** What the admin server reads and controls. */
export interface AdminContext {
  readonly version: string;
  readonly proxy: RunningProxy;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** The same moment on the monotonic clock. */
  readonly acceptsSince: number;
  /** All metrics as of now. */
  metrics(): Promise<Exposition | null>;
  /** How long clients waited for their upstreams in the last seconds. */
  latency(): LatencyFigures;
  /** Reads the settings again and says what a reload would change. */
  plan(): Promise<ReloadOutcome>;
  /** Reads the settings again and applies them. */
  reload(): Promise<ReloadOutcome>;
  /** Starts a graceful shutdown, as SIGTERM does; repeats are ignored. */
  drain(): void;
  /** A request has cut a relay; for the log. */
  wasCut(relay: number): void;
  /** A request has changed an upstream; for the log. */
  wasChanged(upstream: UpstreamView): void;
  /** A request has drained a listener; for the log. */
  wasDrained(listener: string): void;
}
