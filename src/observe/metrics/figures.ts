import type { EngineStats } from "../../engine/engine.ts";
import { isBelieved, type ShownHealth } from "../../upstream/health/monitor.ts";

/** What is known of an upstream of a listener now. */
export interface UpstreamFigures {
  readonly listener: string;
  readonly upstream: string;
  readonly isOpen: boolean;
  readonly health: ShownHealth;
  readonly running: number;
  readonly effectiveWeight: number;
  /** Of its host name; `up`, `down` or `unknown`. */
  readonly addresses: readonly { readonly address: string; readonly health: string }[];
  /** Servers of it that say they are the primary; null where nobody asks. */
  readonly primaries: number | null;
}

/** What metrics are made of when somebody asks. */
export interface Snapshot {
  readonly stats: EngineStats;
  readonly upstreams: readonly UpstreamFigures[];
  /** Clients are accepted: neither is that paused nor is the proxy stopping. */
  readonly accepts: boolean;
  /** Lines of the access log; null without one. */
  readonly accessLog: { readonly written: number; readonly dropped: number } | null;
  /** Lines of the log that could not be written. */
  readonly logLinesDropped: number;
}

/** A value with its labels, in the order of their names. */
export type Row = readonly [labels: readonly string[], value: number];

/** A metric that is read when somebody asks. */
export interface Figure {
  readonly kind: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Every value that it has now. For a counter none of them ever falls. */
  rows(snapshot: Snapshot): readonly Row[];
  /** Whether it is there at all; always, if this is missing. */
  exists?(snapshot: Snapshot): boolean;
}

type Read = (stats: EngineStats) => number;

/**
 * All such metrics. Labels have values of the configuration, members of services, reasons and directions
 * only: never anything of a client, so that their number is bounded.
 */
export const figures: readonly Figure[] = [
  {
    kind: "counter",
    name: "ringway_relays_accepted_total",
    help: "Clients that were accepted.",
    labels: ["listener"],
    rows: ({ stats }) => stats.listeners.map(({ listener, accepted }) => [[listener], accepted]),
  },
  {
    kind: "gauge",
    name: "ringway_relays_running",
    help: "Relays that run now.",
    labels: ["listener"],
    rows: ({ stats }) => stats.listeners.map(({ listener, running }) => [[listener], running]),
  },
  {
    kind: "gauge",
    name: "ringway_relays_waiting",
    help: "Relays that wait now for room at an upstream, or for one that can be reached.",
    labels: ["listener"],
    rows: ({ stats }) => stats.listeners.map(({ listener, waiting }) => [[listener], waiting]),
  },
  {
    kind: "counter",
    name: "ringway_relays_ended_total",
    help: "Relays that have ended, by the one word that says why.",
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
    help: "Bytes received: from clients (up) and from upstreams (down), of running relays too.",
    labels: ["listener", "upstream", "direction"],
    rows: ({ stats }) =>
      eachUpstream(stats).flatMap(([listener, { upstream, upBytes, downBytes }]): Row[] => [
        [[listener, upstream ?? "", "up"], upBytes],
        [[listener, upstream ?? "", "down"], downBytes],
      ]),
  },
  ofUpstreams("ringway_upstream_up", "1 when its checks and dials speak for it.", (one) =>
    isBelieved(one.health) ? 1 : 0,
  ),
  ofUpstreams("ringway_upstream_open", "1 when it may get new relays.", (one) =>
    one.isOpen ? 1 : 0,
  ),
  ofUpstreams(
    "ringway_upstream_relays_running",
    "Relays that it has or that dial it.",
    (one) => one.running,
  ),
  ofUpstreams("ringway_upstream_weight", "Its weight now.", (one) => one.effectiveWeight),
  {
    kind: "gauge",
    name: "ringway_upstream_address_up",
    help: "1 when the checks of an address of its host name speak for it.",
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
    help: "Servers of it that say they are the primary: of all upstreams of a listener it should be one.",
    labels: ["listener", "upstream"],
    rows: ({ upstreams }) =>
      upstreams.flatMap(({ listener, upstream, primaries }): Row[] =>
        primaries === null ? [] : [[[listener, upstream], primaries]],
      ),
  },
  byDirection("ringway_lost_bytes_total", "Bytes that nobody got.", "lostBytes"),
  byDirection("ringway_receives_total", "Receives that brought bytes.", "receives"),
  byDirection("ringway_sends_total", "Sends.", "sends"),
  byDirection(
    "ringway_pauses_total",
    "Times a source was not read because its target was slow.",
    "pauses",
  ),
  byDirection(
    "ringway_pool_waits_total",
    "Times a source was not read because the pool was empty.",
    "poolEmpty",
  ),
  {
    kind: "gauge",
    name: "ringway_accepting",
    help: "1 while clients are accepted, 0 while that is paused or the proxy stops.",
    labels: [],
    rows: ({ accepts }) => [[[], accepts ? 1 : 0]],
  },
  single(
    "counter",
    "ringway_accept_pauses_total",
    "Times accepting was paused because descriptors or memory ran out.",
    (stats) => stats.acceptPauses,
  ),
  single(
    "counter",
    "ringway_route_failures_total",
    "Relays whose listener's route function threw, was late or answered nonsense.",
    (stats) => stats.routeFailures,
  ),
  ofMirrors("counter", "ringway_mirror_copies_total", "Relays that were to be copied.", "begun"),
  ofMirrors("gauge", "ringway_mirror_copies_running", "Copies under way.", "running"),
  ofMirrors("counter", "ringway_mirror_bytes_total", "Bytes that went to the mirror.", "bytes"),
  {
    kind: "counter",
    name: "ringway_mirror_copies_dropped_total",
    help: "Copies that were given up, by the one word that says why.",
    labels: ["listener", "mirror", "reason"],
    rows: ({ stats }) =>
      stats.mirrors.flatMap(({ listener, mirror, dropped }) =>
        Object.entries(dropped).map(([reason, count]): Row => [[listener, mirror, reason], count]),
      ),
  },
  single(
    "gauge",
    "ringway_mirror_memory_bytes",
    "Bytes that the memory of copies has taken.",
    ({ memory }) => memory.mirrorBytes,
  ),
  single("gauge", "ringway_pool_bytes", "Bytes that the pool has taken.", ({ memory }) => {
    return memory.poolBytes;
  }),
  single("gauge", "ringway_segments", "Segments that the pool may have.", ({ memory }) => {
    return memory.segmentCount;
  }),
  single("gauge", "ringway_segments_leased", "Segments in use now.", ({ memory }) => {
    return memory.segmentsLeased;
  }),
  single("gauge", "ringway_segments_leased_max", "Most segments in use at once.", ({ memory }) => {
    return memory.segmentsLeasedMax;
  }),
  single(
    "counter",
    "ringway_turns_total",
    "Passes of the loop that had something to do; an estimate where it was quiet.",
    ({ loop }) => loop.turns,
  ),
  single("counter", "ringway_events_total", "Events of all turns.", ({ loop }) => loop.events),
  ofRing("submissions", "Operations that were submitted.", "submissions"),
  ofRing("completions", "Completions that were seen.", "completions"),
  ofRing("silent_sends", "Sends that were over silently when submitted.", "silentSends"),
  ofRing(
    "receives_without_buffer",
    "Receives that found no provided buffer.",
    "receivesWithoutBuffer",
  ),
  ofRing("overflows", "Turns after which completions waited in the kernel.", "overflows"),
  ofAccessLog("lines", "Lines of the access log that were written.", "written"),
  ofAccessLog("lines_dropped", "Lines that its target was too slow or too full for.", "dropped"),
  {
    kind: "counter",
    name: "ringway_log_lines_dropped_total",
    help: "Lines of the log that its reader was too slow for, or that could not be written.",
    labels: [],
    rows: ({ logLinesDropped }) => [[[], logLinesDropped]],
  },
];

function eachUpstream({ listeners }: EngineStats) {
  return listeners.flatMap(({ listener, upstreams }) =>
    upstreams.map((upstream) => [listener, upstream] as const),
  );
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

function ofMirrors(
  kind: Figure["kind"],
  name: string,
  help: string,
  key: "begun" | "running" | "bytes",
): Figure {
  const rows = ({ stats: { mirrors } }: Snapshot) =>
    mirrors.map((one): Row => [[one.listener, one.mirror], one[key]]);
  return { kind, name, help, labels: ["listener", "mirror"], rows };
}

function byDirection(
  name: string,
  help: string,
  key: "lostBytes" | "receives" | "sends" | "pauses" | "poolEmpty",
): Figure {
  const rows = ({ stats: { up, down } }: Snapshot): Row[] => [
    [["up"], up[key]],
    [["down"], down[key]],
  ];
  return { kind: "counter", name, help, labels: ["direction"], rows };
}

function single(kind: Figure["kind"], name: string, help: string, read: Read): Figure {
  return { kind, name, help, labels: [], rows: ({ stats }) => [[[], read(stats)]] };
}

function ofRing(name: string, help: string, key: keyof NonNullable<EngineStats["ring"]>): Figure {
  const read: Read = ({ ring }) => ring?.[key] ?? 0;
  const exists = ({ stats }: Snapshot) => stats.ring !== null;
  return { ...single("counter", `ringway_ring_${name}_total`, help, read), exists };
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
