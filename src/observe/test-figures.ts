import { type FlowStats, flowFigures } from "../counts/figures.ts";
import type { EngineStats, RelaySummary } from "../relay/ledger/stats.ts";
import { noStats } from "../relay/ledger/total.ts";
import { noValkeyStats, type ValkeyStats } from "../relay/ledger/valkey-stats.ts";

/** Figures of one direction for tests, zero by default. */
export function flowStats(figures: Partial<FlowStats> = {}): FlowStats {
  return { ...flowFigures.none(), ...figures };
}

/** The summary of an ended relay, for tests. */
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
    isWaiting: false,
    reason: "client_fin",
    label: null,
    mirror: null,
    local: "127.0.0.1:6380",
    resolved: "127.0.0.1:6379",
    peer: null,
    waitedMs: 0,
    route: null,
    tlsName: null,
    tlsAlpn: null,
    tlsVersion: null,
    tlsCipher: null,
    tlsResumed: null,
    tlsClient: null,
    up: flowStats(),
    down: flowStats(),
    ...parts,
  };
}

/** The figures of a listener of mode `valkey`, for tests. */
export function valkeyStats(parts: Partial<ValkeyStats> = {}): ValkeyStats {
  return { ...noValkeyStats(), ...parts };
}

/** The figures of an idle engine, for tests. */
export function engineStats(parts: Partial<EngineStats> = {}): EngineStats {
  const none = noStats("sockets");
  const memory = { ...none.memory, segmentSize: 65_536, segmentCount: 4_096 };
  return { ...none, durationMs: 4_000, memory, ...parts };
}
