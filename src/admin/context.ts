import type { Plan } from "../control/plan.ts";
import type { RunningProxy } from "../control/proxy.ts";
import type { UpstreamView } from "../control/upstream-view.ts";
import type { LatencyFigures } from "../observe/latencies.ts";
import type { Exposition } from "../observe/metrics/exposition.ts";

/** What came of a reload, or of a plan for one. */
export type ReloadOutcome =
  /** What was done, or would be. */
  | { readonly plan: Plan }
  /** Nothing was done: the settings are wrong, or they cannot be had here and now. */
  | { readonly refused: "settings" | "now"; readonly problems: readonly string[] };

/** What the admin server works on. */
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
  /** Reads the settings anew and says what a reload would change. */
  plan(): Promise<ReloadOutcome>;
  /** Reads the settings anew and brings the proxy to them. */
  reload(): Promise<ReloadOutcome>;
  /** Lets the proxy stop as at SIGTERM; once is enough. */
  drain(): void;
  /** Somebody has cut a relay, for the log. */
  wasCut(relay: number): void;
  /** Somebody has changed what is wanted of an upstream. */
  wasChanged(upstream: UpstreamView): void;
  /** Somebody has drained a listener. */
  wasDrained(listener: string): void;
}
