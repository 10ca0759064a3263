import { LATENCY_BOUNDS_MS } from "../../counts/latency.ts";
import type { EngineStats } from "../../relay/ledger/stats.ts";
import type { CommandStats, ValkeyStats } from "../../relay/ledger/valkey-stats.ts";
import type { Figure, Row, Snapshot } from "./snapshot.ts";

/** The listeners of mode `valkey`. */
export function valkeyListeners({
  listeners,
}: EngineStats): (readonly [listener: string, of: ValkeyStats])[] {
  return listeners.flatMap(({ listener, valkey }) =>
    valkey === null ? [] : [[listener, valkey] as const],
  );
}

/** Their commands. */
export function valkeyCommands(
  stats: EngineStats,
): (readonly [labels: readonly string[], of: CommandStats])[] {
  return valkeyListeners(stats).flatMap(([listener, { commands }]) =>
    commands.map((one) => [[listener, one.command], one] as const),
  );
}

export function hasValkey({ stats }: Snapshot): boolean {
  return stats.listeners.some(({ valkey }) => valkey !== null);
}

/** Metrics of mode `valkey` that are more than a figure. The commands are those of Valkey's own list, and `other`. */
export const valkeyMetrics: readonly Figure[] = [
  {
    kind: "gauge",
    name: "ringway_valkey_connections",
    help: "Connections to upstreams: shared by clients, leased by one, or idle until the next one leases them.",
    labels: ["listener", "kind"],
    exists: hasValkey,
    rows: ({ stats }) =>
      valkeyListeners(stats).flatMap(([listener, one]): Row[] => [
        [[listener, "shared"], one.sharedConnections],
        [[listener, "leased"], one.leasedConnections],
        [[listener, "idle"], one.idleConnections],
      ]),
  },
  {
    kind: "counter",
    name: "ringway_valkey_commands_total",
    help: "Commands that upstreams have answered. What ringway answers itself is not counted.",
    labels: ["listener", "command"],
    exists: hasValkey,
    rows: ({ stats }) => valkeyCommands(stats).map(([labels, { calls }]): Row => [labels, calls]),
  },
  histogram(
    "ringway_valkey_upstream_seconds",
    "Seconds from when a command was sent until its reply was whole.",
    ({ upstreamTimes, upstreamMs }) => [upstreamTimes, upstreamMs],
  ),
  histogram(
    "ringway_valkey_wait_seconds",
    "Seconds before a command was sent: until the end of its turn, or until there was a connection for it.",
    ({ waitTimes, waitMs }) => [waitTimes, waitMs],
  ),
];

function histogram(
  name: string,
  help: string,
  read: (command: CommandStats) => readonly [buckets: readonly number[], sumMs: number],
): Figure {
  return {
    kind: "histogram",
    name,
    help,
    labels: ["listener", "command"],
    exists: hasValkey,
    rows: ({ stats }) =>
      valkeyCommands(stats).flatMap(([labels, command]) => {
        if (command.calls === 0) return [];
        const [buckets, sumMs] = read(command);
        return histogramRows(labels, buckets, sumMs);
      }),
  };
}

function histogramRows(
  labels: readonly string[],
  buckets: readonly number[],
  sumMs: number,
): Row[] {
  const rows: Row[] = [];
  let count = 0;
  for (const [bucket, here] of buckets.entries()) {
    count += here;
    const bound = LATENCY_BOUNDS_MS[bucket];
    const most = bound === undefined ? "+Inf" : String(bound / 1_000);
    rows.push([[...labels, most], count, "_bucket"]);
  }
  return [...rows, [labels, sumMs / 1_000, "_sum"], [labels, count, "_count"]];
}
