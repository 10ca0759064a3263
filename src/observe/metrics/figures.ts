import type { Figures } from "../../counts/figure.ts";
import {
  engineFigures,
  flowFigures,
  listenerFigures,
  loopFigures,
  memoryFigures,
  mirrorFigures,
  ringFigures,
} from "../../counts/figures.ts";
import type { EngineStats } from "../../relay/ledger/stats.ts";
import { isBelieved, type ShownHealth } from "../../upstream/health/monitor.ts";

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

/** A value with its labels, in the order of their names. */
export type Row = readonly [labels: readonly string[], value: number];

/** A metric that is read for each scrape. */
export interface Figure {
  readonly kind: "counter" | "gauge";
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

/**
 * All metrics that are read for each scrape. Their labels have values of the configuration, members
 * of services, reasons and directions only, never anything of a client, so that their number is
 * bounded.
 */
export const figures: readonly Figure[] = [
  ...metricsOf(listenerFigures, ["listener"], ({ stats }) =>
    stats.listeners.map((one) => [[one.listener], one]),
  ),
  {
    kind: "counter",
    name: "ringway_tls_handshakes_total",
    help: "TLS handshakes with clients that succeeded. Failed ones count as reasons.",
    labels: ["listener", "version"],
    rows: ({ stats }) =>
      stats.listeners.flatMap(({ listener, tlsHandshakes, tls12 }): Row[] => [
        [[listener, "1.2"], tls12],
        [[listener, "1.3"], tlsHandshakes - tls12],
      ]),
  },
  {
    kind: "gauge",
    name: "ringway_certificate_expiry_timestamp_seconds",
    help: "When the certificate expires, in seconds since 1970. At most 1,000, those that expire first.",
    labels: ["listener", "name"],
    rows: ({ certificates }) => expiryRows(certificates),
  },
  {
    kind: "counter",
    name: "ringway_relays_ended_total",
    help: "Relays that have ended, by reason.",
    labels: ["listener", "upstream", "reason"],
    rows: ({ stats }) =>
      eachUpstream(stats).flatMap(([listener, { upstream, ended }]) =>
        Object.entries(ended).map(([reason, count]): Row => {
          return [[listener, upstream ?? "", reason], count];
        }),
      ),
  },
  {
    kind: "counter",
    name: "ringway_bytes_total",
    help: "Bytes received from clients (up) and from upstreams (down), including those of running relays.",
    labels: ["listener", "upstream", "direction"],
    rows: ({ stats }) =>
      eachUpstream(stats).flatMap(([listener, { upstream, upBytes, downBytes }]): Row[] => [
        [[listener, upstream ?? "", "up"], upBytes],
        [[listener, upstream ?? "", "down"], downBytes],
      ]),
  },
  ofUpstreams(
    "ringway_upstream_up",
    "1 if the upstream passes its checks, or is not checked, and dials do not fail.",
    (one) => (isBelieved(one.health) ? 1 : 0),
  ),
  ofUpstreams("ringway_upstream_open", "1 if the upstream may get new relays.", (one) =>
    one.isOpen ? 1 : 0,
  ),
  ofUpstreams(
    "ringway_upstream_relays_running",
    "Relays that the upstream has, or that are dialling it.",
    (one) => one.running,
  ),
  ofUpstreams(
    "ringway_upstream_weight",
    "The upstream's weight now; less than configured while it starts slowly.",
    (one) => one.effectiveWeight,
  ),
  {
    kind: "gauge",
    name: "ringway_upstream_address_up",
    help: "1 if this address of the upstream's host name passes its checks.",
    labels: ["listener", "upstream", "address"],
    rows: ({ upstreams }) =>
      upstreams.flatMap(({ listener, upstream, addresses }) =>
        addresses
          .filter(({ health }) => health !== "unknown")
          .map(({ address, health }): Row => {
            return [[listener, upstream, address], health === "up" ? 1 : 0];
          }),
      ),
  },
  {
    kind: "gauge",
    name: "ringway_upstream_primaries",
    help: "Servers of the upstream that say they are the primary. The sum for a listener should be 1.",
    labels: ["listener", "upstream"],
    rows: ({ upstreams }) =>
      upstreams.flatMap(({ listener, upstream, primaries }): Row[] =>
        primaries === null ? [] : [[[listener, upstream], primaries]],
      ),
  },
  ...metricsOf(flowFigures, ["direction"], ({ stats: { up, down } }) => [
    [["up"], up],
    [["down"], down],
  ]),
  {
    kind: "gauge",
    name: "ringway_accepting",
    help: "1 while clients are accepted, 0 while accepting is paused or the proxy stops.",
    labels: [],
    rows: ({ accepts }) => [[[], accepts ? 1 : 0]],
  },
  ...metricsOf(engineFigures, [], ({ stats }) => [[[], stats]]),
  ...metricsOf(mirrorFigures, ["listener", "mirror"], ({ stats }) =>
    stats.mirrors.map((one) => [[one.listener, one.mirror], one]),
  ),
  {
    kind: "counter",
    name: "ringway_mirror_copies_dropped_total",
    help: "Copies that were given up, by reason.",
    labels: ["listener", "mirror", "reason"],
    rows: ({ stats }) =>
      stats.mirrors.flatMap(({ listener, mirror, dropped }) =>
        Object.entries(dropped).map(([reason, count]): Row => [[listener, mirror, reason], count]),
      ),
  },
  ofEngines("gauge", "listeners", "Listeners that the engine carries.", (one) => one.listeners),
  ofEngines(
    "gauge",
    "relays_running",
    "Relays that run on the engine.",
    (one) => one.relays.running,
  ),
  ofEngines(
    "counter",
    "relays_accepted_total",
    "Clients that the engine has accepted.",
    (one) => one.relays.accepted,
  ),
  ...metricsOf(memoryFigures, [], ({ stats }) => [[[], stats.memory]]),
  ...metricsOf(loopFigures, [], ({ stats }) => [[[], stats.loop]]),
  ...metricsOf(
    ringFigures,
    [],
    ({ stats: { ring } }) => (ring === null ? [] : [[[], ring]]),
    ({ stats: { ring } }) => ring !== null,
  ),
  ofAccessLog("lines", "Lines written to the access log.", "written"),
  ofAccessLog(
    "lines_dropped",
    "Lines of the access log that were dropped because its target was too slow or full.",
    "dropped",
  ),
  {
    kind: "counter",
    name: "ringway_log_lines_dropped_total",
    help: "Lines of the log that could not be written, or that its reader was too slow for.",
    labels: [],
    rows: ({ logLinesDropped }) => [[[], logLinesDropped]],
  },
];

/** So many certificates have a series of their own. */
const CERTIFICATES_MAX = 1_000;

/** Of several certificates with one name, such as those with keys of two kinds, the first to expire counts. */
function expiryRows(certificates: readonly CertificateFigures[]): Row[] {
  const rows = new Map<string, Row>();
  const sorted = certificates.toSorted((one, other) => one.expiresAt - other.expiresAt);
  for (const { listener, name, expiresAt } of sorted) {
    const key = JSON.stringify([listener, name]);
    if (rows.size < CERTIFICATES_MAX && !rows.has(key)) {
      rows.set(key, [[listener, name], expiresAt / 1_000]);
    }
  }
  return [...rows.values()];
}

function eachUpstream({ listeners }: EngineStats) {
  return listeners.flatMap(({ listener, upstreams }) =>
    upstreams.map((upstream) => [listener, upstream] as const),
  );
}

/**
 * Makes metrics of figures.
 *
 * @param rows everything that has such figures, with its labels
 */
function metricsOf<Zeros extends Record<string, number>>(
  { names, entries }: Figures<Zeros>,
  labels: readonly string[],
  rows: (snapshot: Snapshot) => readonly (readonly [labels: readonly string[], of: Zeros])[],
  exists: (snapshot: Snapshot) => boolean = () => true,
): Figure[] {
  return names.flatMap((name): Figure[] => {
    const { metric, help = "" } = entries[name];
    if (metric === undefined) return [];
    return [
      {
        kind: metric.endsWith("_total") ? "counter" : "gauge",
        name: metric,
        help,
        labels,
        rows: (snapshot) =>
          rows(snapshot).map(([values, one]): Row => [values, one[name] as number]),
        exists,
      },
    ];
  });
}

function ofUpstreams(name: string, help: string, read: (one: UpstreamFigures) => number): Figure {
  return {
    kind: "gauge",
    name,
    help,
    labels: ["listener", "upstream"],
    rows: ({ upstreams }) => upstreams.map((one): Row => [[one.listener, one.upstream], read(one)]),
  };
}

function ofEngines(
  kind: Figure["kind"],
  name: string,
  help: string,
  read: (one: EngineFigures) => number,
): Figure {
  return {
    kind,
    name: `ringway_engine_${name}`,
    help,
    labels: ["engine"],
    rows: ({ engines }) => engines.map((one): Row => [[one.name], read(one)]),
  };
}

function ofAccessLog(name: string, help: string, key: "written" | "dropped"): Figure {
  return {
    kind: "counter",
    name: `ringway_access_log_${name}_total`,
    help,
    labels: [],
    rows: ({ accessLog }) => [[[], accessLog?.[key] ?? 0]],
    exists: ({ accessLog }) => accessLog !== null,
  };
}
