import type { Values } from "../counts/figure.ts";
import type { commandFigures, valkeyFigures } from "../counts/figures.ts";
import { LATENCY_BOUNDS_MS, quantile } from "../counts/latency.ts";
import type { NotedCommand } from "../relay/ledger/command-log.ts";
import type { EngineStats } from "../relay/ledger/stats.ts";
import type { CommandStats, ValkeyStats } from "../relay/ledger/valkey-stats.ts";

/** How long calls of a command took, in milliseconds. */
export interface TimesDocument {
  mean: number;
  p50: number;
  p99: number;
  /** How many calls took up to each of `boundsMs` and more than the one before; the last number is of longer ones. */
  counts: number[];
}

/** A command since the start. */
export interface CommandDocument
  extends Omit<Values<typeof commandFigures>, "upstreamMs" | "waitMs"> {
  /** In capitals, with its subcommand; `other` for all that are unknown. */
  command: string;
  calls: number;
  /** From when it was sent until its reply was whole; null without calls. */
  upstreamMs: TimesDocument | null;
  /** Before it was sent; null without calls. */
  waitMs: TimesDocument | null;
}

/** A listener of mode `valkey`. */
export interface ValkeyListenerDocument extends Values<typeof valkeyFigures> {
  /** Its name, or its address. */
  listener: string;
  /** The commands that were used, those with most calls first. */
  commands: CommandDocument[];
  /** The last slow commands, the latest first. */
  slow: NotedCommand[];
  /** The biggest replies, the biggest first. */
  biggest: NotedCommand[];
}

/** What `GET /api/valkey` answers. */
export interface ValkeyDocument {
  /** Milliseconds that the figures are of. */
  durationMs: number;
  boundsMs: readonly number[];
  listeners: ValkeyListenerDocument[];
}

export function valkeyDocument({ durationMs, listeners }: EngineStats): ValkeyDocument {
  return {
    durationMs,
    boundsMs: LATENCY_BOUNDS_MS,
    listeners: listeners.flatMap(({ listener, valkey }) =>
      valkey === null ? [] : [listenerOf(listener, valkey)],
    ),
  };
}

function listenerOf(listener: string, valkey: ValkeyStats): ValkeyListenerDocument {
  const { commands, slow, biggest, ...figures } = valkey;
  const ordered = commands.toSorted((one, other) => other.calls - one.calls);
  return { listener, ...figures, commands: ordered.map(commandOf), slow, biggest };
}

function commandOf(stats: CommandStats): CommandDocument {
  const { upstreamTimes, waitTimes, upstreamMs, waitMs, ...figures } = stats;
  return {
    ...figures,
    upstreamMs: timesOf(upstreamTimes, upstreamMs, stats.calls),
    waitMs: timesOf(waitTimes, waitMs, stats.calls),
  };
}

function timesOf(counts: number[], sumMs: number, calls: number): TimesDocument | null {
  const [p50, p99] = [quantile(counts, 0.5), quantile(counts, 0.99)];
  if (p50 === null || p99 === null) return null;
  return { mean: sumMs / calls, p50, p99, counts };
}
