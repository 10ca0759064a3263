import type { Values } from "../../counts/figure.ts";
import { commandFigures, ValkeyCount, valkeyFigures } from "../../counts/figures.ts";
import { countOf, LATENCY_BUCKETS } from "../../counts/latency.ts";
import { type NotedCommand, notedCommands } from "./command-log.ts";
import type { CommandPage, Numbers, ValkeyPage } from "./page.ts";

/** How many slow commands are kept. */
export const SLOW_KEPT = 128;
/** How many of the biggest replies are kept. */
export const BIGGEST_KEPT = 16;

/** The figures of a command of a listener of mode `valkey`, that upstreams have answered. */
export interface CommandStats extends Values<typeof commandFigures> {
  /** In capitals, with its subcommand; `other` for all that are unknown. */
  command: string;
  calls: number;
  /** How many calls took how long at the upstream, by bucket. */
  upstreamTimes: number[];
  /** How many calls took how long before they were sent, by bucket. */
  waitTimes: number[];
}

/** What a listener of mode `valkey` counts. */
export interface ValkeyStats extends Values<typeof valkeyFigures> {
  commands: CommandStats[];
  /** The last {@link SLOW_KEPT} commands that took long at the upstream, the latest first. */
  slow: NotedCommand[];
  /** The {@link BIGGEST_KEPT} biggest replies since the start, the biggest first. */
  biggest: NotedCommand[];
}

/** The figures of a listener that never did anything. */
export function noValkeyStats(): ValkeyStats {
  return { ...valkeyFigures.none(), commands: [], slow: [], biggest: [] };
}

/** The figures on a listener's pages. */
export function valkeyStats(page: ValkeyPage, commands: readonly CommandPage[]): ValkeyStats {
  return {
    ...valkeyFigures.read(page.counts),
    commands: commands.map(commandStats),
    slow: notedCommands(page.slow),
    biggest: biggestOf(notedCommands(page.biggest)),
  };
}

function commandStats({ command, counts }: CommandPage): CommandStats {
  const upstreamTimes = times(counts, 0);
  return {
    command,
    calls: countOf(upstreamTimes),
    ...commandFigures.read(counts),
    upstreamTimes,
    waitTimes: times(counts, 1),
  };
}

/** @param which 0 for the times at the upstream, 1 for those before */
function times(counts: Numbers, which: number): number[] {
  const first = commandFigures.size + which * LATENCY_BUCKETS;
  return Array.from(counts.subarray(first, first + LATENCY_BUCKETS));
}

/** The engine that counted on a page has died: nothing is there now. */
export function closeValkey({ counts }: ValkeyPage): void {
  counts[ValkeyCount.clients] = 0;
  counts[ValkeyCount.clientsWaiting] = 0;
  counts[ValkeyCount.sharedConnections] = 0;
  counts[ValkeyCount.leasedConnections] = 0;
  counts[ValkeyCount.idleConnections] = 0;
  counts[ValkeyCount.repliesOwed] = 0;
}

/** Adds one engine's figures to those of others. */
export function addValkey(total: ValkeyStats, part: ValkeyStats): void {
  valkeyFigures.add(total, part);
  for (const command of part.commands) addCommand(total.commands, command);
  const slow = [...total.slow, ...part.slow];
  total.slow = slow.sort((one, other) => other.at - one.at).slice(0, SLOW_KEPT);
  total.biggest = biggestOf([...total.biggest, ...part.biggest]);
}

function addCommand(all: CommandStats[], part: CommandStats): void {
  const known = all.find(({ command }) => command === part.command);
  if (known === undefined) {
    const { upstreamTimes, waitTimes } = part;
    all.push({ ...part, upstreamTimes: upstreamTimes.slice(), waitTimes: waitTimes.slice() });
    return;
  }
  known.calls += part.calls;
  commandFigures.add(known, part);
  addEach(known.upstreamTimes, part.upstreamTimes);
  addEach(known.waitTimes, part.waitTimes);
}

function addEach(total: number[], part: readonly number[]): void {
  for (const [index, count] of part.entries()) total[index] = (total[index] ?? 0) + count;
}

function biggestOf(noted: readonly NotedCommand[]): NotedCommand[] {
  return noted.toSorted((one, other) => other.replyBytes - one.replyBytes).slice(0, BIGGEST_KEPT);
}
