import type { EngineStats, FlowStats, RelaySummary } from "../engine/engine.ts";
import { noFlowStats } from "../engine/tally.ts";

/** Figures of one direction: zero where nothing is given. For tests. */
export function flowStats(figures: Partial<FlowStats> = {}): FlowStats {
  return { ...noFlowStats(), ...figures };
}

/** The story of an ended relay. For tests. */
export function relaySummary(parts: Partial<RelaySummary> = {}): RelaySummary {
  return {
    id: 1,
    listener: "127.0.0.1:6380",
    client: "127.0.0.1:50000",
    upstream: "127.0.0.1:6379",
    startedAt: 1_700_000_000_000,
    durationMs: 2_000,
    dials: 1,
    dialMs: 0.25,
    firstByteMs: 0.75,
    reason: "client_fin",
    up: flowStats(),
    down: flowStats(),
    ...parts,
  };
}

/** The figures of an engine that has done nothing yet. For tests. */
export function engineStats(parts: Partial<EngineStats> = {}): EngineStats {
  return {
    engine: "sockets",
    durationMs: 4_000,
    relays: { accepted: 0, running: 0, ended: 0, reasons: {} },
    up: flowStats(),
    down: flowStats(),
    listeners: [],
    memory: {
      segmentSize: 65_536,
      segmentCount: 4_096,
      segmentsLeased: 0,
      segmentsLeasedMax: 0,
      poolBytes: 0,
    },
    loop: { turns: 0, events: 0 },
    ring: null,
    receiveSegments: [],
    sendSegments: [],
    acceptPauses: 0,
    ...parts,
  };
}
