import type { EngineStats } from "../../relay/ledger/stats.ts";
import type { ShownHealth } from "../../upstream/health/monitor.ts";

/** What is known about an upstream of a listener now. */
export interface UpstreamFigures {
  readonly listener: string;
  readonly upstream: string;
  readonly isOpen: boolean;
  readonly health: ShownHealth;
  readonly running: number;
  readonly effectiveWeight: number;
  /** The addresses of its host name; `health` is `up`, `down` or `unknown`. */
  readonly addresses: readonly { readonly address: string; readonly health: string }[];
  /** How many of its servers say that they are the primary; null if no check asks. */
  readonly primaries: number | null;
}

/** What is known of an engine now. */
export interface EngineFigures {
  readonly name: string;
  /** Listeners that it carries. */
  readonly listeners: number;
  readonly relays: { readonly accepted: number; readonly running: number };
}

/** A certificate that a listener shows. */
export interface CertificateFigures {
  readonly listener: string;
  /** The first of its names. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** What the metrics of one scrape are made of. */
export interface Snapshot {
  readonly stats: EngineStats;
  /** The engines, of which `stats` is the sum. */
  readonly engines: readonly EngineFigures[];
  readonly upstreams: readonly UpstreamFigures[];
  readonly certificates: readonly CertificateFigures[];
  /** Clients are accepted: accepting is not paused, and the proxy is not stopping. */
  readonly accepts: boolean;
  /** Lines of the access log; null without one. */
  readonly accessLog: { readonly written: number; readonly dropped: number } | null;
  /** Lines of the log that could not be written. */
  readonly logLinesDropped: number;
}

/**
 * A value with its labels, in the order of their names. The rows of a histogram say which of its values they are:
 * `_bucket` (the last label is then its bound), `_sum` or `_count`.
 */
export type Row = readonly [labels: readonly string[], value: number, part?: string];

/** A metric that is read for each scrape. */
export interface Figure {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** All current values. Those of a counter never fall. */
  rows(snapshot: Snapshot): readonly Row[];
  /** Whether the metric exists here; if missing, it does. */
  exists?(snapshot: Snapshot): boolean;
}

/** All metrics, in the form that `contentType` says. */
export interface Exposition {
  readonly text: string;
  readonly contentType: string;
}
