import type { Reason } from "../../../base/reason.ts";
import {
  CommandCount,
  commandFigures,
  ValkeyCount,
  valkeyFigures,
} from "../../../counts/figures.ts";
import { bucketOf, LATENCY_BUCKETS } from "../../../counts/latency.ts";
import { CommandLog } from "../../../relay/ledger/command-log.ts";
import {
  COMMAND_NUMBERS,
  type Numbers,
  type Page,
  sharedNumbers,
} from "../../../relay/ledger/page.ts";
import { BIGGEST_KEPT, SLOW_KEPT } from "../../../relay/ledger/valkey-stats.ts";
import { wallTime } from "../../../relay/wall-clock.ts";
import type { Command } from "../command-table.ts";

/** A command that takes longer than this at the upstream is noted, in milliseconds. */
const SLOW_MS = 10;
/** So many slow commands are noted of those that are answered together: an upstream that stood still answers many. */
const SLOW_TOGETHER_MAX = 16;
/** No reply up to this many bytes is big. */
const BIG_MIN = 1_024;

/** Where the buckets of a command's row begin. */
const UPSTREAM_TIMES = commandFigures.size;
const WAIT_TIMES = UPSTREAM_TIMES + LATENCY_BUCKETS;

/** A command whose reply is whole. */
export interface Answered {
  readonly asker: { readonly facts: () => { readonly client: string } } | null;
  readonly command: Pick<Command, "index" | "name" | "state">;
  /** Bytes of the request. */
  readonly size: number;
  /** When it began to wait, if that was before its turn; else 0. */
  readonly heldAt: number;
}

/** How long a command took, in milliseconds, and the buckets of that. */
export interface CommandTimes {
  /** From the end of the turn in which it was sent until its reply was whole. */
  readonly upstreamMs: number;
  readonly upstreamBucket: number;
  /** Before it was sent. */
  readonly waitMs: number;
  readonly waitBucket: number;
}

/** The times of what is answered now. */
export interface BatchTimes extends CommandTimes {
  /** When it was sent. */
  readonly sentAt: number;
  /** When its replies came. */
  readonly at: number;
  /**
   * Milliseconds at the upstream in which no other reply came: a slow command keeps those behind it waiting, which
   * does not make them slow.
   */
  readonly silentMs: number;
}

/**
 * Counts what the clients of a listener ask for, on pages in shared memory: a row for each command that was used.
 *
 * Owner: a service.
 */
export class ListenerFigures {
  private readonly counts = sharedNumbers(valkeyFigures.size);
  /** By the numbers of commands. */
  private readonly rows: (Numbers | undefined)[] = [];
  private readonly slow = new CommandLog(SLOW_KEPT);
  private readonly biggest = new CommandLog(BIGGEST_KEPT);
  /** Replies up to this many bytes are not among the biggest. */
  private biggestMin = BIG_MIN;
  private slowAt = 0;
  private slowTogether = 0;

  constructor(
    private readonly listener: string,
    private readonly addPage: (page: Page) => void,
  ) {
    const { counts } = this;
    const [slow, biggest] = [this.slow.page, this.biggest.page];
    addPage({ kind: "valkey", listener, counts, slow, biggest });
  }

  /** Changes a figure. @param figure see {@link ValkeyCount} */
  add(figure: number, change = 1): void {
    (this.counts[figure] as number) += change;
  }

  /** Sets how many clients wait for a leased connection. */
  set waiting(count: number) {
    this.counts[ValkeyCount.clientsWaiting] = count;
  }

  /** A client is ended. */
  ends(reason: Reason): void {
    if (reason === "client_slow") this.add(ValkeyCount.slowClients);
  }

  /** From this command on a client is relayed as it is. */
  relayed(command: Command): void {
    const row = this.rows[command.index] ?? this.open(command);
    (row[CommandCount.relayed] as number)++;
  }

  /**
   * Replies of more bytes are to be counted alone, as they may have to be noted.
   *
   * @param silentMs see {@link BatchTimes.silentMs}
   */
  plainMax(silentMs: number): number {
    return silentMs > SLOW_MS ? -1 : this.biggestMin;
  }

  /**
   * Counts replies to a command without errors.
   *
   * @param times those of the batch in which the requests were sent
   */
  count(
    command: Answered["command"],
    calls: number,
    requestBytes: number,
    replyBytes: number,
    { upstreamBucket, upstreamMs, waitBucket, waitMs }: CommandTimes,
  ): void {
    if (command.index < 0) return;
    const row = this.rows[command.index] ?? this.open(command);
    (row[CommandCount.requestBytes] as number) += requestBytes;
    (row[CommandCount.replyBytes] as number) += replyBytes;
    (row[CommandCount.upstreamMs] as number) += calls * upstreamMs;
    (row[CommandCount.waitMs] as number) += calls * waitMs;
    (row[UPSTREAM_TIMES + upstreamBucket] as number) += calls;
    (row[WAIT_TIMES + waitBucket] as number) += calls;
  }

  /** Counts a reply, whatever it is. @param times as for {@link count} */
  replied(answered: Answered, isError: boolean, size: number, times: BatchTimes): void {
    const { command, heldAt } = answered;
    if (command.index < 0) return;
    this.count(command, 1, answered.size, size, heldAt > 0 ? heldSince(heldAt, times) : times);
    const row = this.rows[command.index] as Numbers;
    if (isError) (row[CommandCount.errors] as number)++;
    if (times.silentMs > SLOW_MS) this.noteSlow(answered, size, times);
    if (size > this.biggestMin) this.noteBigger(answered, size, times);
  }

  private open(command: Answered["command"]): Numbers {
    const counts = sharedNumbers(COMMAND_NUMBERS);
    const { listener } = this;
    this.addPage({ kind: "command", listener, command: shownName(command), counts });
    this.rows[command.index] = counts;
    return counts;
  }

  private noteSlow(answered: Answered, replyBytes: number, times: BatchTimes): void {
    // It was asked to wait.
    if (answered.command.state === "blocks") return;
    if (times.at !== this.slowAt) this.slowTogether = 0;
    this.slowAt = times.at;
    if (++this.slowTogether > SLOW_TOGETHER_MAX) return;
    this.slow.note(noted(answered, replyBytes, times));
  }

  private noteBigger(answered: Answered, replyBytes: number, times: BatchTimes): void {
    const least = this.biggest.noteBigger(noted(answered, replyBytes, times));
    this.biggestMin = Math.max(BIG_MIN, least);
  }
}

/** The times of a request that had to wait for a connection. */
function heldSince(heldAt: number, times: BatchTimes): CommandTimes {
  const { sentAt, upstreamBucket, upstreamMs } = times;
  const waitMs = Math.max(0, sentAt - heldAt);
  return { upstreamMs, upstreamBucket, waitMs, waitBucket: bucketOf(waitMs) };
}

/** A client may make up names without end, and an unknown one may be a secret in the wrong place. */
function shownName({ index, name }: Answered["command"]): string {
  return index === 0 ? "other" : name;
}

function noted({ asker, command, size }: Answered, replyBytes: number, times: BatchTimes) {
  return {
    at: wallTime(times.at),
    client: asker?.facts().client ?? "",
    command: shownName(command),
    requestBytes: size,
    replyBytes,
    upstreamMs: times.upstreamMs,
  };
}
