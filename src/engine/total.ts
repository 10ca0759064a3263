import type { EngineName } from "../config/options.ts";
import type { Reason } from "../flow/reason.ts";
import type { EngineStats, ListenerStats, RingStats, UpstreamStats } from "./engine.ts";
import { addMirror } from "./mirror/account.ts";
import { addFlowStats, noFlowStats } from "./tally.ts";

/** What an engine has counted that never did anything. */
export function noStats(engine: EngineName): EngineStats {
  return {
    engine,
    durationMs: 0,
    relays: { accepted: 0, running: 0, ended: 0, reasons: {} },
    up: noFlowStats(),
    down: noFlowStats(),
    listeners: [],
    mirrors: [],
    memory: {
      segmentSize: 0,
      segmentCount: 0,
      segmentsLeased: 0,
      segmentsLeasedMax: 0,
      poolBytes: 0,
      mirrorBytes: 0,
      mirrorHeldBytes: 0,
    },
    loop: { turns: 0, events: 0 },
    ring: null,
    receiveSegments: [],
    sendSegments: [],
    acceptPauses: 0,
    routeFailures: 0,
  };
}

/**
 * What several engines have counted together. They have segments of one size; the most that were in
 * use is the sum of what each had at its own worst, which need not have been at the same time.
 */
export function totalStats(engine: EngineName, parts: readonly EngineStats[]): EngineStats {
  const total = noStats(engine);
  for (const part of parts) add(total, part);
  return total;
}

function add(total: EngineStats, part: EngineStats): void {
  total.durationMs = Math.max(total.durationMs, part.durationMs);
  const { relays, memory, loop } = total;
  relays.accepted += part.relays.accepted;
  relays.running += part.relays.running;
  relays.ended += part.relays.ended;
  addReasons(relays.reasons, part.relays.reasons);
  addFlowStats(total.up, part.up);
  addFlowStats(total.down, part.down);
  for (const listener of part.listeners) addListener(total.listeners, listener);
  for (const mirror of part.mirrors) addMirror(total.mirrors, mirror);
  memory.segmentSize = Math.max(memory.segmentSize, part.memory.segmentSize);
  memory.segmentCount += part.memory.segmentCount;
  memory.segmentsLeased += part.memory.segmentsLeased;
  memory.segmentsLeasedMax += part.memory.segmentsLeasedMax;
  memory.poolBytes += part.memory.poolBytes;
  memory.mirrorBytes += part.memory.mirrorBytes;
  memory.mirrorHeldBytes += part.memory.mirrorHeldBytes;
  loop.turns += part.loop.turns;
  loop.events += part.loop.events;
  if (part.ring !== null) total.ring = addRings(total.ring, part.ring);
  addEach(total.receiveSegments, part.receiveSegments);
  addEach(total.sendSegments, part.sendSegments);
  total.acceptPauses += part.acceptPauses;
  total.routeFailures += part.routeFailures;
}

type Reasons = EngineStats["relays"]["reasons"];

function addReasons(total: Reasons, part: Reasons): void {
  for (const [reason, count] of Object.entries(part) as [Reason, number][]) {
    total[reason] = (total[reason] ?? 0) + count;
  }
}

function addListener(all: ListenerStats[], part: ListenerStats): void {
  const { listener, accepted, running, waiting } = part;
  const known = all.find((one) => one.listener === listener);
  const total = known ?? { listener, accepted: 0, running: 0, waiting: 0, upstreams: [] };
  if (known === undefined) all.push(total);
  total.accepted += accepted;
  total.waiting += waiting;
  total.running += running;
  for (const upstream of part.upstreams) addUpstream(total.upstreams, upstream);
}

function addUpstream(all: UpstreamStats[], part: UpstreamStats): void {
  const { upstream, ended, upBytes, downBytes } = part;
  const known = all.find((one) => one.upstream === upstream);
  const total = known ?? { upstream, ended: {}, upBytes: 0, downBytes: 0 };
  if (known === undefined) all.push(total);
  addReasons(total.ended, ended);
  total.upBytes += upBytes;
  total.downBytes += downBytes;
}

function addRings(total: RingStats | null, part: RingStats): RingStats {
  if (total === null) return { ...part };
  return {
    submissions: total.submissions + part.submissions,
    completions: total.completions + part.completions,
    silentSends: total.silentSends + part.silentSends,
    receivesWithoutBuffer: total.receivesWithoutBuffer + part.receivesWithoutBuffer,
    overflows: total.overflows + part.overflows,
  };
}

function addEach(total: number[], part: readonly number[]): void {
  for (const [index, count] of part.entries()) total[index] = (total[index] ?? 0) + count;
}
