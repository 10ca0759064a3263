import type { EngineName } from "../../config/options.ts";
import {
  engineFigures,
  flowFigures,
  listenerFigures,
  loopFigures,
  memoryFigures,
  relayFigures,
  ringFigures,
  upstreamFigures,
} from "../../counts/figures.ts";
import { addOccurred } from "../../counts/occurred.ts";
import { addMirror } from "../mirror/account.ts";
import type { EngineStats, ListenerStats, UpstreamStats } from "./stats.ts";
import { addValkey, noValkeyStats } from "./valkey-stats.ts";

/** The figures of an engine that never did anything. */
export function noStats(engine: EngineName): EngineStats {
  return {
    engine,
    durationMs: 0,
    relays: { ...relayFigures.none(), reasons: {} },
    up: flowFigures.none(),
    down: flowFigures.none(),
    listeners: [],
    mirrors: [],
    memory: memoryFigures.none(),
    loop: loopFigures.none(),
    ring: null,
    receiveSegments: [],
    sendSegments: [],
    ...engineFigures.none(),
  };
}

/**
 * Sums the figures of several engines. The most segments in use is the sum of each engine's
 * maximum, even if these were not at the same time.
 */
export function totalStats(engine: EngineName, parts: readonly EngineStats[]): EngineStats {
  const total = noStats(engine);
  for (const part of parts) add(total, part);
  return total;
}

function add(total: EngineStats, part: EngineStats): void {
  total.durationMs = Math.max(total.durationMs, part.durationMs);
  relayFigures.add(total.relays, part.relays);
  addOccurred(total.relays.reasons, part.relays.reasons);
  flowFigures.add(total.up, part.up);
  flowFigures.add(total.down, part.down);
  for (const listener of part.listeners) addListener(total.listeners, listener);
  for (const mirror of part.mirrors) addMirror(total.mirrors, mirror);
  memoryFigures.add(total.memory, part.memory);
  loopFigures.add(total.loop, part.loop);
  if (part.ring !== null) {
    total.ring ??= ringFigures.none();
    ringFigures.add(total.ring, part.ring);
  }
  addEach(total.receiveSegments, part.receiveSegments);
  addEach(total.sendSegments, part.sendSegments);
  engineFigures.add(total, part);
}

function addListener(all: ListenerStats[], part: ListenerStats): void {
  const { listener } = part;
  const known = all.find((one) => one.listener === listener);
  const total = known ?? { listener, ...listenerFigures.none(), upstreams: [], valkey: null };
  if (known === undefined) all.push(total);
  listenerFigures.add(total, part);
  for (const upstream of part.upstreams) addUpstream(total.upstreams, upstream);
  if (part.valkey !== null) {
    total.valkey ??= noValkeyStats();
    addValkey(total.valkey, part.valkey);
  }
}

function addUpstream(all: UpstreamStats[], part: UpstreamStats): void {
  const { upstream } = part;
  const known = all.find((one) => one.upstream === upstream);
  const total = known ?? { upstream, ended: {}, ...upstreamFigures.none() };
  if (known === undefined) all.push(total);
  addOccurred(total.ended, part.ended);
  upstreamFigures.add(total, part);
}

function addEach(total: number[], part: readonly number[]): void {
  for (const [index, count] of part.entries()) total[index] = (total[index] ?? 0) + count;
}
