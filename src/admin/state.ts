import type { EngineName } from "../config/options.ts";
import type { RunningProxy } from "../control/proxy.ts";
import type { UpstreamView } from "../control/upstream-view.ts";
import type { LatencyFigures } from "../observe/latencies.ts";
import { type Statistics, statistics } from "../observe/statistics.ts";
import type { AdminContext } from "./context.ts";
import { type ListenerDocument, listenerDocument } from "./listener-document.ts";
import { type Standing, standingOf, type Urgency, urgencyOf } from "./standing.ts";

/** Figures of the whole proxy: those of {@link Statistics} without its lists of relays. */
export type TotalsDocument = Omit<
  Statistics,
  "endedRelays" | "endedRelaysOmitted" | "runningRelays" | "runningRelaysOmitted"
>;

/** An upstream, and how urgently it needs attention. */
export type UpstreamDocument = UpstreamView & { readonly urgency: Urgency };

/** What `GET /api/state` answers. */
export interface StateDocument {
  version: string;
  pid: number;
  /** `draining`: no clients are accepted, and the proxy ends when no relay is left. */
  status: "ready" | "draining";
  /** The status, with what is missing. */
  standing: Standing;
  /** Milliseconds since 1970. */
  startedAt: number;
  uptimeMs: number;
  engine: {
    name: EngineName;
    /** Why this engine was chosen. */
    why: string;
    /** Which of its options had to be replaced. */
    notes: string[];
    workers: number;
  };
  drainTimeoutMs: number;
  /** The request's token permits changes. */
  mayChange: boolean;
  listeners: ListenerDocument[];
  upstreams: UpstreamDocument[];
  totals: TotalsDocument;
  /** Of relays that ended in the last 10 s. */
  latency: LatencyFigures;
  process: {
    /** All memory that the process uses. */
    residentBytes: number;
  };
}

/** The state of the proxy. @param mayChange see {@link StateDocument} */
export function stateDocument(context: AdminContext, mayChange: boolean): StateDocument {
  const { version, proxy, startedAt } = context;
  const status = proxy.isStopping ? "draining" : "ready";
  const listeners = listenersOf(proxy);
  const upstreams = proxy.upstreams.views();
  return {
    version,
    pid: process.pid,
    status,
    standing: standingOf(status, listeners, upstreams),
    startedAt,
    // The wall clock may have been set since, so it is not used.
    uptimeMs: Math.round(performance.now() - context.acceptsSince),
    engine: {
      name: proxy.engine.name,
      why: proxy.engineWhy,
      notes: [...proxy.engineNotes],
      workers: proxy.options.workers,
    },
    drainTimeoutMs: proxy.options.drainTimeoutMs,
    mayChange,
    listeners,
    upstreams: upstreams.map((one) => ({ ...one, urgency: urgencyOf(one) })),
    totals: totalsOf(proxy),
    latency: context.latency(),
    process: { residentBytes: process.memoryUsage.rss() },
  };
}

/** The listeners of a proxy. */
export function listenersOf(proxy: RunningProxy): ListenerDocument[] {
  return proxy.listeners.map(({ options, address, isAccepting }) =>
    listenerDocument(options, address, isAccepting),
  );
}

/** The figures of a proxy. */
export function totalsOf({ engine }: RunningProxy): TotalsDocument {
  const all = statistics(engine.stats(), [], []);
  const { endedRelays, endedRelaysOmitted, runningRelays, runningRelaysOmitted, ...totals } = all;
  return totals;
}
