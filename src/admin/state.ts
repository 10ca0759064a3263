import type { EngineName } from "../config/options.ts";
import type { EngineInUse } from "../control/engines.ts";
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
  "commands" | "endedRelays" | "endedRelaysOmitted" | "runningRelays" | "runningRelaysOmitted"
>;

/** An upstream, and how urgently it needs attention. */
export type UpstreamDocument = UpstreamView & { readonly urgency: Urgency };

/** An engine. */
export interface EngineDocument {
  name: EngineName;
  /** Why that one. */
  why: string;
  /** What of its options had to be replaced. */
  notes: string[];
  workers: number;
}

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
  /** The engine of the first listener; almost always there is no other. */
  engine: EngineDocument;
  /** All engines, in the order in which they were made. */
  engines: (EngineDocument & {
    /** Listeners that it carries. */
    listeners: number;
    /** The relays of these, and of others that it carried before. */
    relays: { running: number; accepted: number; ended: number };
  })[];
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
    ...enginesOf(proxy),
    drainTimeoutMs: proxy.options.drainTimeoutMs,
    mayChange,
    listeners,
    upstreams: upstreams.map((one) => ({ ...one, urgency: urgencyOf(one) })),
    totals: totalsOf(proxy),
    latency: context.latency(),
    process: { residentBytes: process.memoryUsage.rss() },
  };
}

/** The engines of a proxy. */
function enginesOf({
  engine: { name, inUse },
  options: { workers },
}: RunningProxy): Pick<StateDocument, "engine" | "engines"> {
  const document = ({ choice }: EngineInUse): EngineDocument => ({
    name: choice.name,
    why: choice.why,
    notes: [...choice.notes],
    workers,
  });
  const engines = inUse.map((one) => {
    const { running, accepted, ended } = one.stats.relays;
    return {
      ...document(one),
      listeners: one.listeners,
      relays: { running, accepted, ended },
    };
  });
  const first = inUse.find(({ choice }) => choice.name === name);
  // Without a listener there may be none.
  const none = { name, why: "no listener needs it", notes: [], workers };
  return { engine: first === undefined ? none : document(first), engines };
}

/** The listeners of a proxy. */
export function listenersOf(proxy: RunningProxy): ListenerDocument[] {
  return proxy.listeners.map(({ options, engine, address, isAccepting }) =>
    listenerDocument(options, engine, address, isAccepting),
  );
}

/** The figures of a proxy. */
export function totalsOf({ engine }: RunningProxy): TotalsDocument {
  const all = statistics(engine.stats(), [], []);
  const { commands, endedRelays, endedRelaysOmitted, ...others } = all;
  const { runningRelays, runningRelaysOmitted, ...totals } = others;
  return totals;
}
