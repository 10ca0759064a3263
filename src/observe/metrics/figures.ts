import type { Figures } from "../../counts/figure.ts";
import {
  commandFigures,
  engineFigures,
  flowFigures,
  listenerFigures,
  loopFigures,
  memoryFigures,
  mirrorFigures,
  ringFigures,
  valkeyFigures,
} from "../../counts/figures.ts";
import type { EngineStats } from "../../relay/ledger/stats.ts";
import { isBelieved } from "../../upstream/health/monitor.ts";
import type {
  CertificateFigures,
  EngineFigures,
  Figure,
  Row,
  Snapshot,
  UpstreamFigures,
} from "./snapshot.ts";
import { hasValkey, valkeyCommands, valkeyListeners, valkeyMetrics } from "./valkey-figures.ts";

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
  ...metricsOf(
    valkeyFigures,
    ["listener"],
    ({ stats }) => valkeyListeners(stats).map(([listener, one]) => [[listener], one]),
    hasValkey,
  ),
  ...metricsOf(
    commandFigures,
    ["listener", "command"],
    ({ stats }) => valkeyCommands(stats),
    hasValkey,
  ),
  ...valkeyMetrics,
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
